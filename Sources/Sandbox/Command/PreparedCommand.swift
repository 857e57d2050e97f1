internal import AgentBackend
internal import Glibc

/// A command that was found to be one that can be started.
struct PreparedCommand: Sendable {
    let arguments: [[UInt8]]
    let environment: Environment
    let workingDirectory: [UInt8]
    let identity: HostIdentity?
    let opensStandardInput: Bool
    let terminal: TerminalSize?
    let deadline: Duration?
    let grace: Duration
    let limits: ExecLimits

    /// Throws `EMPTY_COMMAND`, `INVALID_ARGUMENT`, and `MISSING_UTILITIES` where there is no shell.
    init(
        _ command: Command,
        as identity: HostIdentity?,
        shell: String?,
        home: CommandEnvironment.Home,
        maximumSize: Int
    ) throws(BackendError) {
        arguments = try Self.arguments(of: command.program, shell: shell)
        workingDirectory = command.workingDirectory
        environment = try CommandEnvironment.merged(
            command.environment,
            shell: shell ?? "/bin/sh",
            home: home,
            workingDirectory: workingDirectory
        )
        self.identity = try Self.identity(identity)
        opensStandardInput = command.opensStandardInput
        try command.terminal?.check()
        terminal = command.terminal
        deadline = command.deadline
        grace = command.grace
        limits = command.limits
        try checkSize(maximum: maximumSize)
        guard !workingDirectory.contains(0), !arguments.contains(where: { $0.contains(0) }) else {
            throw BackendError(.invalidArgument, message: "the command or its directory has a NUL byte: remove it")
        }
    }

    private static func arguments(
        of program: ExecRequest.Program,
        shell: String?
    ) throws(BackendError) -> [[UInt8]] {
        switch program {
        case .shellLine(let line):
            guard line.contains(where: { !isBlank($0) }) else { throw .emptyCommand }
            guard let shell else {
                throw BackendError(.missingUtilities, message: "neither bash nor sh is on this host: install one")
            }
            // "--": a line that begins with "-" is a command as well.
            return [Array(shell.utf8), Array("-c".utf8), Array("--".utf8), line]
        case .arguments(let arguments):
            guard let name = arguments.first, !name.isEmpty else { throw .emptyCommand }
            return arguments
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || (UInt8(ascii: "\t")...UInt8(ascii: "\r")).contains(byte)
    }

    private static func identity(_ wanted: HostIdentity?) throws(BackendError) -> HostIdentity? {
        let isRoot = geteuid() == 0
        switch wanted {
        case nil where isRoot:
            throw BackendError(.invalidArgument, message: "commands never run as root: give the org's identity")
        case let identity? where identity.uid == 0 || identity.gid == 0:
            throw BackendError(.invalidArgument, message: "commands never run as root: give another identity")
        case let identity? where !isRoot && (identity.uid != geteuid() || identity.gid != getegid()):
            throw BackendError(
                .invalidArgument,
                message: "only a broker that is root can run commands as others: give no identity, or run it as root"
            )
        case let identity:
            return isRoot ? identity : nil
        }
    }

    private func checkSize(maximum: Int) throws(BackendError) {
        // What execve(2) counts: every string with its NUL.
        var size = arguments.reduce(0) { $0 + $1.count + 1 }
        for variable in environment.variables { size += variable.name.count + variable.value.count + 2 }
        guard size <= maximum else {
            throw .tooLarge("command_bytes", used: size, allowed: maximum)
        }
    }
}
