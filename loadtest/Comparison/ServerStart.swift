/// A server that can be started, again and again.
struct ServerStart {
    let name: String
    var program: ProgramStart
    /// One for each connection in turn.
    let tokens: [String]
    /// Where the server listens, from the first line of its output.
    let endpoint: (_ firstLine: String) throws(LoadFailure) -> Endpoint

    /// For the server to be ready.
    static let patience = Duration.seconds(20)

    /// Runs the server for the time of `body`.
    func run<Result>(
        _ interrupts: borrowing Interrupts,
        _ body: (ServerProcess) throws(LoadFailure) -> Result
    ) throws(LoadFailure) -> Result {
        try ChildProcess.run(program) { (child) throws(LoadFailure) in
            let endpoint = try endpoint(child.firstLine(within: Self.patience, interrupts))
            return try body(ServerProcess(name: name, endpoint: endpoint, pid: child.pid, tokens: tokens))
        }
    }

    /// As the other one.
    func run<Result>(
        _ interrupts: borrowing Interrupts,
        _ body: (ServerProcess) async throws -> Result
    ) async throws -> Result {
        try await ChildProcess.run(program) { child in
            let endpoint = try endpoint(child.firstLine(within: Self.patience, interrupts))
            return try await body(ServerProcess(name: name, endpoint: endpoint, pid: child.pid, tokens: tokens))
        }
    }

    /// That of `limit-echo`, which takes any token.
    static func limit(_ executable: String, named name: String = "limit", in directory: String) -> ServerStart {
        ServerStart(
            name: name,
            program: ProgramStart(
                executable: executable,
                arguments: ["--port", "0"],
                name: name,
                directory: directory
            ),
            tokens: [""]
        ) { (line) throws(LoadFailure) in
            guard line.hasPrefix("ready "), let endpoint = Endpoint(String(line.dropFirst("ready ".count))) else {
                throw .child("limit-echo says no address: \(line)")
            }
            return endpoint
        }
    }
}
