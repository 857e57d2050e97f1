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

    /// Runs swe-rex's server for the time of `body`, which gets its address and token.
    func withSweRex<Result>(
        in directory: String,
        _ interrupts: borrowing Interrupts,
        _ body: (_ address: String, _ token: String) throws(LoadFailure) -> Result
    ) throws(LoadFailure) -> Result {
        let token = "load-\(UInt64.random(in: .min ... .max))"
        let arguments = Self.arguments + ["\(drivers)/swerex_server.py", "--auth-token", token]
        let start = ProgramStart(executable: python, arguments: arguments, name: "swe-rex", directory: directory)
        return try ChildProcess.run(start) { (child) throws(LoadFailure) in
            let line = try child.firstLine(within: .seconds(60), interrupts)
            guard line.hasPrefix("ready ") else { throw .child("swe-rex says no address: \(line)") }
            return try body(String(line.dropFirst("ready ".count)), token)
        }
    }
}
