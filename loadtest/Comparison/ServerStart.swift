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

    /// That of `limit-echo`, which takes any token.
    ///
    /// - Parameter files: Where its files are; nil: it has none.
    static func limit(
        _ executable: String,
        named name: String = "limit",
        files: String? = nil,
        in directory: String
    ) -> ServerStart {
        printingAddress(
            executable,
            ["--port", "0"] + (files.map { ["--files", $0] } ?? []),
            named: name,
            in: directory
        )
    }

    /// That of a program which says `ready HOST:PORT` when it listens, and asks for no token.
    static func printingAddress(
        _ executable: String,
        _ arguments: [String] = [],
        named name: String,
        in directory: String
    ) -> ServerStart {
        ServerStart(
            name: name,
            program: ProgramStart(executable: executable, arguments: arguments, name: name, directory: directory),
            tokens: [""]
        ) { (line) throws(LoadFailure) in
            guard line.hasPrefix("ready "), let endpoint = Endpoint(String(line.dropFirst("ready ".count))) else {
                throw .child("\(name) says no address: \(line)")
            }
            return endpoint
        }
    }
}
