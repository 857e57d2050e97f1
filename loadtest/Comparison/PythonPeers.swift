/// Peers in Python: the interpreter that has them, and the programs in `loadtest/peers` that drive them.
struct PythonPeers {
    var python: String
    /// Path of `loadtest/peers`.
    var drivers: String

    /// Leaves no compiled files beside the drivers.
    private static let arguments = ["-B"]

    func driver(_ name: String, _ script: String, _ arguments: [String], in directory: String) -> ProgramLoad {
        ProgramLoad(
            name: name,
            executable: python,
            arguments: Self.arguments + ["\(drivers)/\(script).py"] + arguments,
            directory: directory
        )
    }

    /// How swe-rex's server is called.
    enum SweRexClient: String {
        /// By its own client, which makes a connection for each request.
        case own
        /// On connections that are kept, by the least that can do it.
        case kept

        /// Of a contestant.
        func name(_ operation: String) -> String {
            switch self {
            case .own: "swe-rex \(operation)"
            case .kept: "swe-rex \(operation), kept"
            }
        }
    }

    /// A driver that calls swe-rex's server.
    func sweRex(
        _ client: SweRexClient,
        _ operation: String,
        at server: SweRexServer,
        _ arguments: [String],
        in directory: String
    ) -> ProgramLoad {
        driver(
            client.name(operation),
            "swerex_\(operation)",
            [client.rawValue, "--address", server.address, "--auth-token", server.token] + arguments,
            in: directory
        )
    }

    /// Runs swe-rex's server for the time of `body`.
    func withSweRex<Result>(
        in directory: String,
        _ interrupts: borrowing Interrupts,
        _ body: (SweRexServer) throws(LoadFailure) -> Result
    ) throws(LoadFailure) -> Result {
        let token = "load-\(UInt64.random(in: .min ... .max))"
        let arguments = Self.arguments + ["\(drivers)/swerex_server.py", "--auth-token", token]
        let start = ProgramStart(executable: python, arguments: arguments, name: "swe-rex", directory: directory)
        return try ChildProcess.run(start) { (child) throws(LoadFailure) in
            let line = try child.firstLine(within: .seconds(60), interrupts)
            guard line.hasPrefix("ready ") else { throw .child("swe-rex says no address: \(line)") }
            return try body(SweRexServer(address: String(line.dropFirst("ready ".count)), token: token))
        }
    }
}

/// swe-rex's server, running.
struct SweRexServer {
    let address: String
    let token: String
}
