/// Row P11: files of a mebibyte, broker beside limit program.
struct TransferComparison {
    let limit: ServerProcess
    let broker: ServerProcess

    private static let size = 1 << 20
    private static let connections = 4
    private static let depth = 4

    /// Makes the files that the calls work on.
    func prepare(_ interrupts: borrowing Interrupts) throws(LoadFailure) {
        for server in [limit, broker] {
            try FileSet(settings(.read, of: server)).write(interrupts: interrupts.descriptor)
        }
    }

    var scenarios: [Comparison.Scenario] {
        [(LoadOperation.read, Target.atLeast(0.8)), (.write, .atLeast(0.7))].map { operation, target in
            Comparison.Scenario(
                load: "\(operation.rawValue) 1 MiB, \(Self.connections) x \(Self.depth)",
                contestants: [limit, broker].map { server in
                    ServerLoad(name: server.name, server: server, settings: settings(operation, of: server))
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

    private func settings(_ operation: LoadOperation, of server: ServerProcess) -> LoadSettings {
        var settings = server.settings(operation, connections: Self.connections, depth: Self.depth)
        // The limit program has one set of files for all.
        settings.tokens = [server.tokens[0]]
        settings.keys = ["load-0"]
        settings.backend = .local
        settings.payload = Self.size
        settings.files = Self.connections * Self.depth
        return settings
    }
}
