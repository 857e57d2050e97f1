/// Row P12, but for warm sandboxes, which are in ``SandboxComparison``: the memory of what is idle.
struct MemoryComparison {
    let broker: BrokerSetup
    let limit: ServerStart
    let count: Int

    /// For a broker that is to hold so many.
    static func configure(_ configuration: inout BrokerConfiguration, count: Int) {
        configuration.limits = .init(max_connections: 2 * count, max_connections_per_org: 2 * count)
        configuration.pool = .init(max_entries: 2 * count, max_entries_per_org: 2 * count)
    }

    var scenarios: [Comparison.Scenario] {
        [
            Comparison.Scenario(
                load: "\(count) connections",
                contestants: [
                    load(.connections), MemoryLoad(name: "limit", server: limit, held: .connections, count: count),
                ],
                questions: questions(.atMost(12_000)) + [question(.bytes, baseline: "limit")]
            ),
            Comparison.Scenario(
                load: "\(count) local entries",
                contestants: [load(.entries(.local))],
                questions: questions(.atMost(2_000))
            ),
            Comparison.Scenario(
                load: "\(count) memory entries",
                contestants: [load(.entries(.memory))],
                questions: questions(.atMost(2_000))
            ),
        ]
    }

    private func load(_ held: MemoryLoad.Held) -> MemoryLoad {
        MemoryLoad(name: broker.name, server: broker.start, held: held, count: count) { broker.removeRoot() }
    }

    private func questions(_ target: Target) -> [Comparison.Question] {
        [
            Comparison.Question(row: "P12", measure: .bytes, subject: broker.name, form: .value, target: target),
            Comparison.Question(measure: .residentBytes, subject: broker.name, form: .value),
        ]
    }

    private func question(_ measure: Measure, baseline: String) -> Comparison.Question {
        Comparison.Question(measure: measure, subject: broker.name, baseline: baseline)
    }
}
