/// Row P11: files of a mebibyte, broker beside limit program.
struct TransferComparison {
    let limit: ServerProcess
    let broker: ServerProcess

    private static let size = 1 << 20
    private static let connections = 4
    private static let depth = 4

    var scenarios: [Comparison.Scenario] {
        [(CallKind.read, Target.atLeast(0.8)), (.write, .atLeast(0.7))].map { operation, target in
            Comparison.Scenario(
                load: "\(operation.rawValue) 1 MiB, \(Self.connections) x \(Self.depth)",
                contestants: [limit, broker].map { server in
                    DrivenLoad(name: server.name, server: server, scenario: Self.scenario(operation), depth: Self.depth)
                },
                questions: [
                    Comparison.Question(
                        row: "P11",
                        measure: .callsPerSecond,
                        subject: broker.name,
                        baseline: limit.name,
                        target: target
                    ),
                    Comparison.Question(measure: .serverMicroseconds, subject: broker.name, baseline: limit.name),
                ]
            )
        }
    }

    private static func scenario(_ operation: CallKind) -> Scenario {
        var scenario = Scenario(name: "transfer", about: "", mix: [operation: 1], stages: [])
        scenario.connections = connections
        scenario.population.orgs = 1
        // The limit program has one set of files for all.
        scenario.population.keys = 1
        scenario.population.files = connections * depth
        scenario.population.sizes = [.init(size: ByteCount(bytes: size), weight: 1)]
        return scenario
    }
}
