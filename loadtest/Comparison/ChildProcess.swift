internal import FoundationEssentials
internal import Glibc

/// A program that runs for the time of a closure, with its output in files. Used by one thread.
final class ChildProcess {
    let pid: pid_t
    private let name: String
    private let files: OutputFiles
    private var status: Int32?

    /// From SIGTERM to SIGKILL.
    private static let grace = Duration.seconds(10)

    /// Starts the program, runs `body`, and ends the program, whatever `body` does: SIGTERM, then SIGKILL.
    /// `directory` takes the files of its output, by `name`; nil: that of the executable.
    static func run<Result>(
        _ executable: String,
        _ arguments: [String],
        name: String? = nil,
        in directory: String,
        _ body: (ChildProcess) throws(LoadFailure) -> Result
    ) throws(LoadFailure) -> Result {
        let name = name ?? String(executable.split(separator: "/").last ?? "")
        let child = try ChildProcess(executable, arguments, name: name, in: directory)
        defer { child.end() }
        return try body(child)
    }

    private init(
        _ executable: String,
        _ arguments: [String],
        name: String,
        in directory: String
    ) throws(LoadFailure) {
        self.name = name
        files = OutputFiles(output: "\(directory)/\(name).out", errors: "\(directory)/\(name).err")
        pid = try Self.spawn(executable, arguments, files)
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

    /// Reads the JSON that a program has printed.
    static func decode<Value: Decodable>(_ text: String, from program: String) throws(LoadFailure) -> Value {
        do {
            return try JSONDecoder().decode(Value.self, from: Data(text.utf8))
        } catch {
            throw .child("\(program) printed what is not expected: \(text)")
        }
    }

    private var output: String {
        (try? String(contentsOfFile: files.output, encoding: .utf8)) ?? ""
    }

    private func failure(_ text: String) -> LoadFailure {
        let errors = (try? String(contentsOfFile: files.errors, encoding: .utf8)) ?? ""
        return .child("\(name) \(text)\(errors.isEmpty ? "" : ": " + errors.suffix(2000))")
    }

    private func hasEnded() -> Bool {
        if status != nil { return true }
        var result: Int32 = 0
        guard waitpid(pid, &result, WNOHANG) == pid else { return false }
        status = result
        return true
    }

    private func end() {
        guard !hasEnded() else { return }
        kill(pid, SIGTERM)
        let deadline = Clocks.monotonic() + Self.grace.nanoseconds
        while !hasEnded() {
            if Clocks.monotonic() > deadline { kill(pid, SIGKILL) }
            // After the measuring, on a thread that has nothing else to do: a pause between two looks harms nobody.
            usleep(5000)
        }
    }

    private struct OutputFiles {
        let output: String
        let errors: String
    }

    private static func spawn(
        _ executable: String,
        _ arguments: [String],
        _ files: OutputFiles
    ) throws(LoadFailure) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let truncated = O_WRONLY | O_CREAT | O_TRUNC
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, files.output, truncated, 0o600)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, files.errors, truncated, 0o600)

        // The signals that Interrupts blocks are the child's to get.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

        let environment = ProcessInfo.processInfo.environment.map { "\($0.key)=\($0.value)" }
        var pid: pid_t = 0
        let status = withCStrings([executable] + arguments) { arguments in
            withCStrings(environment) { environment in
                posix_spawn(&pid, executable, &actions, &attributes, arguments, environment)
            }
        }
        guard status == 0 else { throw .system(call: "posix_spawn", errno: status, subject: executable) }
        return pid
    }

    /// Lends a NULL-terminated array of C strings.
    private static func withCStrings<Result>(
        _ strings: [String],
        _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        let copies = strings.map { strdup($0) } + [nil]
        defer { copies.forEach { free($0) } }
        return copies.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { preconditionFailure("the array holds the final NULL") }
            return body(base)
        }
    }
}
