/// A server that was started for a comparison and is ready.
struct ServerProcess {
    let name: String
    let endpoint: Endpoint
    let pid: Int32
    /// One for each connection in turn.
    let tokens: [String]

    /// For a program to be ready, or to end.
    private static let patience = Duration.seconds(20)

    /// Runs `limit-echo` for the time of `body`.
    static func withLimit<Result>(
        _ executable: String,
        named name: String,
        in directory: String,
        _ interrupts: borrowing Interrupts,
        _ body: (ServerProcess) throws(LoadFailure) -> Result
    ) throws(LoadFailure) -> Result {
        let start = limitStart(executable, named: name, in: directory)
        return try ChildProcess.run(start) { (child) throws(LoadFailure) in
            let endpoint = try limitEndpoint(child.firstLine(within: patience, interrupts))
            return try body(ServerProcess(name: name, endpoint: endpoint, pid: child.pid, tokens: [""]))
        }
    }

    static func limitStart(_ executable: String, named name: String, in directory: String) -> ProgramStart {
        ProgramStart(executable: executable, arguments: ["--port", "0"], name: name, directory: directory)
    }

    /// Where a limit program that is ready listens, from the line in which it says so.
    static func limitEndpoint(_ line: String) throws(LoadFailure) -> Endpoint {
        guard line.hasPrefix("ready "), let endpoint = Endpoint(String(line.dropFirst("ready ".count))) else {
            throw .child("limit-echo says no address: \(line)")
        }
        return endpoint
    }
}
