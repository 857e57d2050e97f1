internal import FoundationEssentials
internal import Glibc

/// A program that runs for the time of a closure, with its output in files. Used by one thread.
final class ChildProcess {
    let pid: pid_t
    private let start: ProgramStart
    private var status: Int32?

    /// From SIGTERM to SIGKILL.
    private static let grace = Duration.seconds(10)

    /// Starts the program, runs `body`, and ends the program, whatever `body` does: SIGTERM, then SIGKILL.
    static func run<Result>(
        _ start: ProgramStart,
        _ body: (ChildProcess) throws(LoadFailure) -> Result
    ) throws(LoadFailure) -> Result {
        let child = try ChildProcess(start)
        defer { child.end() }
        return try body(child)
    }

    /// Starts it. The caller sees to ``end()``.
    init(_ start: ProgramStart) throws(LoadFailure) {
        self.start = start
        pid = try start.spawn()
    }

    /// The first line of its standard output, once it is whole.
    func firstLine(within patience: Duration, _ interrupts: borrowing Interrupts) throws(LoadFailure) -> String {
        let end = Clocks.monotonic() + patience.nanoseconds
        while true {
            // In this order, so that nothing is missed of a program that has ended.
            let hasEnded = hasEnded()
            if let newline = output.firstIndex(of: "\n") { return String(output[..<newline]) }
            if hasEnded { throw failure("ended before it was ready") }
            if Clocks.monotonic() > end { throw failure("was not ready within \(patience)") }
            try interrupts.pause()
        }
    }

    /// All of its standard output, once it has ended by itself with status 0.
    func wholeOutput(within patience: Duration, _ interrupts: borrowing Interrupts) throws(LoadFailure) -> String {
        let end = Clocks.monotonic() + patience.nanoseconds
        while !hasEnded() {
            if Clocks.monotonic() > end { throw failure("did not end within \(patience)") }
            try interrupts.pause()
        }
        guard status == 0 else { throw failure("failed") }
        return output
    }

    /// The same for a program that ends soon: nothing else is looked at meanwhile.
    func outputAtEnd() throws(LoadFailure) -> String {
        var result: Int32 = 0
        while waitpid(pid, &result, 0) < 0 {
            guard errno == EINTR else { throw .system("waitpid") }
        }
        status = result
        guard result == 0 else { throw failure("failed") }
        return output
    }

    /// Reads the JSON that a program has printed.
    static func decode<Value: Decodable>(_ text: String, from program: String) throws(LoadFailure) -> Value {
        do {
            return try JSONDecoder().decode(Value.self, from: Data(text.utf8))
        } catch {
            throw .child("\(program) printed what is not expected: \(text)")
        }
    }

    private var output: String {
        (try? String(contentsOfFile: start.outputPath, encoding: .utf8)) ?? ""
    }

    /// What the program did wrong, with the end of what it says itself.
    func failure(_ text: String) -> LoadFailure {
        let errors = (try? String(contentsOfFile: start.errorsPath, encoding: .utf8)) ?? ""
        return .child("\(start.name) \(text)\(errors.isEmpty ? "" : ": " + errors.suffix(2000))")
    }

    private func hasEnded() -> Bool {
        if status != nil { return true }
        var result: Int32 = 0
        guard waitpid(pid, &result, WNOHANG) == pid else { return false }
        status = result
        return true
    }

    /// Ends the program, if it has not ended: SIGTERM, then SIGKILL.
    func end() {
        guard !hasEnded() else { return }
        kill(pid, SIGTERM)
        let deadline = Clocks.monotonic() + Self.grace.nanoseconds
        while !hasEnded() {
            if Clocks.monotonic() > deadline { kill(pid, SIGKILL) }
            // After the measuring, on a thread that has nothing else to do: a pause between two looks harms nobody.
            usleep(5000)
        }
    }
}
