/// Rows P4 to P6: files of 4 KiB, broker beside the limit program, the seed and deepagents in process, and swe-rex over
/// HTTP.
struct FilesComparison {
    let limit: ServerProcess
    let broker: ServerProcess
    let peers: PythonPeers
    /// Where the peers work; on the file system of the broker's root.
    let directory: String
    let sweRexServer: SweRexServer

    private static let size = 4096
    private static let connections = 8
    private static let depth = 16

    var scenarios: [Comparison.Scenario] {
        let load = "\(Self.connections) x \(Self.depth)"
        return [
            Comparison.Scenario(
                load: "read \(load)",
                contestants: [
                    broker("read", .read), limit("read", .read), seed("read"), deepagents("read"),
                    sweRex(.own, calls: Self.connections * Self.depth),
                    sweRex(.kept, calls: Self.connections * Self.depth), broker("stat", .stat),
                    limit("stat", .stat),
                ],
                questions: [
                    question("P4", .callsPerSecond, "read", against: "seed read", .atLeast(2)),
                    question(
                        "P4",
                        .callsPerSecond,
                        "read",
                        against: PythonPeers.SweRexClient.own.name("read"),
                        .atLeast(150)
                    ),
                    question("", .callsPerSecond, "read", against: PythonPeers.SweRexClient.kept.name("read"), nil),
                    question("P4", .callsPerSecond, "read", against: "deepagents read", nil),
                    question("P4", .callsPerSecond, "read", against: "limit read", nil),
                    question("P6", .callsPerSecond, "stat", against: "broker read", .atLeast(1)),
                    question("P6", .callsPerSecond, "stat", against: "limit stat", nil),
                    question("", .serverMicroseconds, "stat", against: "broker read", nil),
                ]
            ),
            Comparison.Scenario(
                load: "read 1 x 1",
                contestants: [
                    broker("read", .read, connections: 1, depth: 1), sweRex(.own, calls: 1), sweRex(.kept, calls: 1),
                ],
                questions: [
                    question(
                        "P4",
                        .p50Microseconds,
                        "read",
                        against: PythonPeers.SweRexClient.own.name("read"),
                        .atLeast(20)
                    ),
                    question("", .p50Microseconds, "read", against: PythonPeers.SweRexClient.kept.name("read"), nil),
                ]
            ),
            Comparison.Scenario(
                load: "write \(load)",
                contestants: [
                    broker("write", .write), limit("write", .write), seed("write"), deepagents("write"),
                ],
                questions: [
                    question("P5", .callsPerSecond, "write", against: "seed write", .atLeast(5)),
                    question("P5", .callsPerSecond, "write", against: "deepagents write", nil),
                    question("P5", .callsPerSecond, "write", against: "limit write", nil),
                ]
            ),
        ]
    }

    /// Makes the files that the calls of broker and limit work on.
    func prepare(_ interrupts: borrowing Interrupts) throws(LoadFailure) {
        for server in [broker, limit] {
            let files = FileSet(settings(of: server, .read, connections: 1, depth: 1))
            try files.write(interrupts: interrupts.descriptor)
        }
    }

    private func question(
        _ row: String,
        _ measure: Measure,
        _ operation: String,
        against baseline: String,
        _ target: Target?
    ) -> Comparison.Question {
        Comparison.Question(
            row: row,
            measure: measure,
            subject: "broker \(operation)",
            baseline: baseline,
            form: measure == .p50Microseconds ? .timesLess : .ratio,
            target: target
        )
    }

    private func settings(
        of server: ServerProcess,
        _ operation: LoadOperation,
        connections: Int,
        depth: Int
    ) -> LoadSettings {
        var settings = server.settings(operation, connections: connections, depth: depth)
        settings.backend = .local
        settings.payload = Self.size
        // Each call in flight has a file of its own.
        settings.files = Self.connections * Self.depth / server.tokens.count
        return settings
    }

    private func broker(
        _ name: String,
        _ operation: LoadOperation,
        connections: Int = connections,
        depth: Int = depth
    ) -> ServerLoad {
        load(of: broker, name, operation, connections: connections, depth: depth)
    }

    private func limit(_ name: String, _ operation: LoadOperation) -> ServerLoad {
        load(of: limit, name, operation, connections: Self.connections, depth: Self.depth)
    }

    private func load(
        of server: ServerProcess,
        _ name: String,
        _ operation: LoadOperation,
        connections: Int,
        depth: Int
    ) -> ServerLoad {
        ServerLoad(
            name: "\(server.name) \(name)",
            server: server,
            settings: settings(of: server, operation, connections: connections, depth: depth)
        )
    }

    private func seed(_ operation: String) -> ProgramLoad {
        let arguments = [
            operation, "--directory", "\(directory)/seed", "--tasks", "\(Self.connections * Self.depth)",
            "--size", "\(Self.size)",
        ]
        return peers.driver("seed \(operation)", "seed_files", arguments, in: directory)
    }

    private func deepagents(_ operation: String) -> ProgramLoad {
        let arguments = [
            operation, "--directory", "\(directory)/deepagents", "--files", "\(Self.connections * Self.depth)",
            "--size", "\(Self.size)",
        ]
        return peers.driver("deepagents \(operation)", "deepagents_files", arguments, in: directory)
    }

    private func sweRex(_ client: PythonPeers.SweRexClient, calls: Int) -> ProgramLoad {
        let arguments = ["--directory", "\(directory)/swe-rex", "--calls", "\(calls)", "--size", "\(Self.size)"]
        return peers.sweRex(client, "read", at: sweRexServer, arguments, in: directory)
    }
}
