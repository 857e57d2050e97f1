/// What a warm sandbox takes of memory, and the first command of its entry of time: the last part of row P12, and the
/// second half of row P13.
struct SandboxComparison {
    let broker: BrokerSetup
    let peers: CommandPeers

    /// Fewer than a broker keeps.
    static let count = 128

    var scenarios: [Comparison.Scenario] { [first, start, memory] }

    private var first: Comparison.Scenario {
        let load = FirstCommandLoad(name: "broker, new entry", server: broker.start)
        let peer = peers.emptySandbox
        return Comparison.Scenario(
            load: "first exec, true",
            contestants: [load, peer],
            questions: [
                Comparison.Question(
                    row: "P13",
                    measure: .p50Milliseconds,
                    subject: load.name,
                    baseline: peer.name,
                    target: .atMost(1.5)
                ),
                Comparison.Question(measure: .p99Milliseconds, subject: load.name, baseline: peer.name),
            ]
        )
    }

    private var start: Comparison.Scenario {
        let exec = StartLoad(name: "broker, exec", server: broker.start, operation: .exec) { broker.removeRoot() }
        let echo = StartLoad(name: "broker, echo", server: broker.start) { broker.removeRoot() }
        return Comparison.Scenario(
            load: "start to first answer",
            contestants: [exec, echo],
            questions: [
                Comparison.Question(measure: .p50Milliseconds, subject: exec.name, form: .value),
                Comparison.Question(measure: .p99Milliseconds, subject: exec.name, form: .value),
                Comparison.Question(measure: .p50Milliseconds, subject: exec.name, baseline: echo.name),
            ]
        )
    }

    private var memory: Comparison.Scenario {
        let load = SandboxMemoryLoad(name: broker.name, server: broker.start, count: Self.count) {
            broker.removeRoot()
        }
        return Comparison.Scenario(
            load: "\(Self.count) entries with sandboxes",
            contestants: [load],
            questions: [
                Comparison.Question(
                    row: "P12",
                    measure: .bytes,
                    subject: load.name,
                    form: .value,
                    target: .atMost(700_000)
                ),
                Comparison.Question(measure: .residentBytes, subject: load.name, form: .value),
            ]
        )
    }
}
