/// Commands of one org, alone and while another org has ten thousand waiting: what the broker has of slots is the
/// bottleneck, for the commands do nothing but sleep.
enum FairnessComparison {
    /// Commands at a time, of both orgs together.
    static let slots = 4
    private static let flood = (connections: 10, depth: 1000)

    static func scenario(_ broker: ServerProcess) -> Comparison.Scenario {
        var alone = broker.settings(.exec, connections: 1, depth: 1)
        alone.backend = .local
        alone.tokens = [broker.tokens[1]]
        var flooded = alone
        flooded.background = .init(
            tokens: [broker.tokens[0]],
            connections: flood.connections,
            depth: flood.depth,
            isBusy: true
        )
        let contestants = [("alone", alone), ("flooded", flooded)].map { name, settings in
            ServerLoad(name: name, server: broker, settings: settings)
        }
        let measures: [(Measure, Target?)] = [
            (.p99Microseconds, .atMost(2)), (.p50Microseconds, nil), (.callsPerSecond, nil),
        ]
        return Comparison.Scenario(
            load: "\(alone.command.shellLine), \(slots) slots, \(flood.connections * flood.depth) wait",
            contestants: contestants,
            questions: measures.map { measure, target in
                Comparison.Question(measure: measure, subject: "flooded", baseline: "alone", target: target)
            }
        )
    }
}
