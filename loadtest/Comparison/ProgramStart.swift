internal import FoundationEssentials
internal import Glibc

/// How a program is started.
struct ProgramStart {
    var executable: String
    var arguments: [String]
    /// Of the files of its output, and in errors.
    var name: String
    /// For those files.
    var directory: String
    /// Besides this process's own.
    var environment: [String: String] = [:]
    /// Where its standard input comes from; nil: there is none.
    var input: Int32?
    /// Where its standard output goes; nil: to a file.
    var output: Int32?

    var outputPath: String { "\(directory)/\(name).out" }
    var errorsPath: String { "\(directory)/\(name).err" }

    /// Starts it, and returns its process.
    func spawn() throws(LoadFailure) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let truncated = O_WRONLY | O_CREAT | O_TRUNC
        if let input {
            posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
        } else {
            posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        }
        if let output {
            posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        } else {
            posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, outputPath, truncated, 0o600)
        }
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errorsPath, truncated, 0o600)

        // The signals that Interrupts blocks are the child's to get.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

        let environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }.map {
            "\($0.key)=\($0.value)"
        }
        var pid: pid_t = 0
        let status = Self.withCStrings([executable] + arguments) { arguments in
            Self.withCStrings(environment) { environment in
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
