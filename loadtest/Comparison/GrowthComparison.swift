/// Row P14: what a call costs the broker while it holds little, and while it holds much. Two brokers are compared, of
/// which one holds much from before the first run.
struct GrowthComparison {
    static let keys = Growth(few: 10, many: 100_000)
    static let localKeys = Growth(few: 10, many: 10_000)
    static let connections = Growth(few: 1, many: 10_000)
    static let orgs = Growth(few: 1, many: 1000)

    struct Growth {
        let few: Int
        let many: Int
    }

    /// Has one org.
    let broker: ServerProcess
    /// Has many, and the entries of ``prepare(_:)``.
    let full: ServerProcess

    static func configure(_ configuration: inout BrokerConfiguration) {
        configuration.limits = .init(
            max_connections: 2 * connections.many,
            max_connections_per_org: 2 * connections.many
        )
        configuration.pool = .init(
            max_entries: 2 * keys.many,
            max_entries_per_org: 2 * keys.many,
            // Longer than any measurement.
            idle_timeout: "1d"
        )
    }

    /// Makes the entries.
    func prepare(_ interrupts: borrowing Interrupts) throws(LoadFailure) {
        try KeySet(settings(full, .memory, Self.keys.many)).make(interrupts)
        try KeySet(settings(full, .local, Self.localKeys.many)).make(interrupts)
    }

    var scenarios: [Comparison.Scenario] {
        [
            keyScenario(.memory, Self.keys), keyScenario(.local, Self.localKeys), connectionScenario(active: 1),
            connectionScenario(active: 64), orgScenario,
        ]
    }

    /// The target is for calls on the same few keys. Calls on all of them in turn find nothing of their key in the
    /// processor's caches, which is of interest too, but no matter of how many there are to search.
    private func keyScenario(_ backend: LoadBackend, _ growth: Growth) -> Comparison.Scenario {
        let few = load("\(growth.few) keys", broker, settings(broker, backend, growth.few))
        let fewOfMany = load("\(growth.few) of \(growth.many)", full, settings(full, backend, growth.few))
        let many = load("\(growth.many) in turn", full, settings(full, backend, growth.many))
        var scenario = scenario("\(backend.rawValue) keys", few, fewOfMany)
        scenario.contestants.append(many)
        scenario.questions.append(
            Comparison.Question(measure: .serverMicroseconds, subject: many.name, baseline: few.name)
        )
        return scenario
    }

    private func connectionScenario(active: Int) -> Comparison.Scenario {
        var settings = settings(broker, .memory, Self.keys.few)
        settings.connections = active
        var crowded = settings
        crowded.endpoint = full.endpoint
        crowded.tokens = [full.tokens[0]]
        crowded.background = .init(
            tokens: crowded.tokens,
            connections: Self.connections.many - active,
            depth: 1,
            isBusy: false
        )
        return scenario(
            "\(active) busy connections",
            load("no others", broker, settings),
            load("of \(Self.connections.many)", full, crowded)
        )
    }

    /// As many connections, each with a key of its own, of one org and of an org each.
    private var orgScenario: Comparison.Scenario {
        var few = settings(broker, .memory, Self.orgs.many)
        few.connections = Self.orgs.many
        few.depth = 1
        few.takesTurns = false
        var many = few
        many.endpoint = full.endpoint
        many.tokens = full.tokens
        many.keys = ["load-0"]
        return scenario("orgs", load("1 org", broker, few), load("\(Self.orgs.many) orgs", full, many))
    }

    private func scenario(_ load: String, _ baseline: ServerLoad, _ subject: ServerLoad) -> Comparison.Scenario {
        Comparison.Scenario(
            load: load,
            contestants: [baseline, subject],
            questions: [
                Comparison.Question(
                    row: "P14",
                    measure: .serverMicroseconds,
                    subject: subject.name,
                    baseline: baseline.name,
                    target: .atMost(1.1)
                )
            ]
        )
    }

    private func load(_ name: String, _ server: ServerProcess, _ settings: LoadSettings) -> ServerLoad {
        ServerLoad(name: name, server: server, settings: settings)
    }

    /// Calls of one org, each on the next of its keys.
    private func settings(_ server: ServerProcess, _ backend: LoadBackend, _ keys: Int) -> LoadSettings {
        var settings = LoadSettings(
            endpoint: server.endpoint,
            tokens: [server.tokens[0]],
            keys: (0..<keys).map { "load-\($0)" }
        )
        settings.backend = backend
        settings.connections = 64
        settings.depth = 16
        settings.takesTurns = true
        return settings
    }
}
