internal import AgentBackend
internal import CLinux
internal import Glibc

/// The program of the agent, in one file in memory that sandboxes are started from.
enum AgentProgram {
    /// Executed as `/proc/self/fd/N`; nobody can write it.
    static func makeFile() throws(BackendError) -> SharedDescriptor {
        guard let program = sandboxAgentProgram.withUTF8Buffer({ Base64.bytes($0) }), !program.isEmpty else {
            throw BackendError(.internal, message: "the agent in this build of the broker is no program: build it anew")
        }
        let writable = try OwnedDescriptor.made(by: "memfd_create", linux_program_file("sandbox-agent"))
        try writable.writeAll(program)
        // Whom it runs as is somebody else than its owner.
        guard fchmod(writable.rawValue, 0o555) == 0 else { throw .systemCall("fchmod", errno: errno) }
        try systemCall("fcntl", linux_seal(writable.rawValue))
        // A program that is open for writing cannot be executed.
        let readable = open("/proc/self/fd/\(writable.rawValue)", O_RDONLY | O_CLOEXEC)
        return SharedDescriptor(try .made(by: "open", readable < 0 ? -errno : readable))
    }
}
