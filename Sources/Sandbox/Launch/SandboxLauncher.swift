internal import AgentBackend
internal import CLinux
internal import Glibc

/// Starts bubblewrap for one command. Its calls block: they belong on the ``LaunchThread``.
struct SandboxLauncher: Sendable {
    /// The shell of the host, and so of every sandbox: bash, else sh.
    let shell: String?

    private let configuration: CommandRunner.Configuration
    private let options: BubblewrapOptions
    private let filter: [UInt8]
    private let reactor: ReadinessReactor

    /// `filter` is the program for seccomp(2) that bubblewrap loads before it runs a command.
    init(
        configuration: CommandRunner.Configuration,
        reactor: ReadinessReactor,
        filter: [UInt8]
    ) throws(BackendError) {
        self.configuration = configuration
        self.reactor = reactor
        shell = ["/bin/bash", "/bin/sh"].first { access($0, X_OK) == 0 }
        options = try BubblewrapOptions(host: configuration)
        self.filter = filter
    }

    /// Throws `EXEC_ERROR`, with a reason where the working directory is at fault, `PATH_ESCAPE_ATTEMPT` where
    /// another directory has taken the place of the workspace, `MISSING_UTILITIES` without bubblewrap, and
    /// `RESOURCE_EXHAUSTED`. Nothing is left behind then.
    func launch(_ command: PreparedCommand) throws(BackendError) -> LaunchedSandbox {
        try WorkspaceDirectory.check(workingDirectory: command.workingDirectory, in: command.workspace)
        let owner = command.identity ?? HostIdentity(uid: geteuid(), gid: getegid())
        let descriptors = try openDescriptors(for: command, owner: owner)
        let (processID, pidfd) = try start(command, owner: owner, descriptors: descriptors)
        let process: MonitoredDescriptor
        do throws(BackendError) {
            process = try MonitoredDescriptor(OwnedDescriptor(pidfd), reactor: reactor)
        } catch {
            linux_kill_and_reap(processID)
            throw error
        }
        // Only now: from here on it dies with the broker.
        _ = descriptors.filterWriter.withDescriptor { sendFilter(to: $0) }
        return LaunchedSandbox(
            processID: processID,
            process: process,
            filter: descriptors.filterWriter,
            status: descriptors.statusReader,
            standardInput: descriptors.input.writer,
            standardOutput: descriptors.output.reader,
            standardError: descriptors.error.reader
        )
    }

    private func openDescriptors(
        for command: PreparedCommand,
        owner: HostIdentity
    ) throws(BackendError) -> LaunchDescriptors {
        let input: StandardInput
        if command.opensStandardInput {
            input = try .open(owner: command.identity, reactor: reactor)
        } else {
            input = try .empty()
        }
        return try LaunchDescriptors(
            input: input,
            output: .open(owner: command.identity, reactor: reactor),
            error: .open(owner: command.identity, reactor: reactor),
            optionBytes: options.adding(command.environment, workingDirectory: command.workingDirectory),
            user: SandboxUser(owner, shell: shell ?? "/bin/sh"),
            reactor: reactor
        )
    }

    private func start(
        _ command: PreparedCommand,
        owner: HostIdentity,
        descriptors: borrowing LaunchDescriptors
    ) throws(BackendError) -> (processID: pid_t, pidfd: Int32) {
        let words = ["bwrap", "--args", "\(BubblewrapOptions.Descriptor.options.rawValue)", "--"]
        let arguments = CStringArray(words.map { Array($0.utf8) } + command.arguments)
        let program = CStringArray([Array(configuration.bubblewrapPath.utf8)])
        let directory = CStringArray([try WorkspaceDirectory.path(of: command.workspace)])

        let numbers = descriptors.numbers
        var pidfd: Int32 = -1
        var failedStep = linux_launch_step_none
        let processID = arguments.withPointers { arguments in
            program.withPointers { program in
                directory.withPointers { directory in
                    numbers.withUnsafeBufferPointer { descriptors in
                        var launch = linux_launch(
                            program: program[0],
                            arguments: arguments.baseAddress,
                            descriptors: descriptors.baseAddress,
                            descriptor_count: Int32(descriptors.count),
                            switches_identity: command.identity != nil,
                            uid: owner.uid,
                            gid: owner.gid,
                            directory: command.workspace,
                            directory_path: directory[0],
                            maximum_descriptors: UInt64(configuration.maximumDescriptors),
                            maximum_processes: command.identity == nil ? 0 : UInt64(configuration.maximumProcesses)
                        )
                        return linux_start(&launch, &pidfd, &failedStep)
                    }
                }
            }
        }
        guard processID > 0 else {
            throw .launch(failedStep, errno: -processID, program: configuration.bubblewrapPath)
        }
        return (processID, pidfd)
    }

    private func sendFilter(to socket: Int32) {
        // Where bubblewrap is dead already there is nobody to read it, and its end tells why.
        _ = filter.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        shutdown(socket, Int32(SHUT_WR))
    }

    /// The filter that every command gets.
    static func commandFilter() throws(BackendError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 8192)
        let length = bytes.withUnsafeMutableBytes { linux_command_filter($0.baseAddress, $0.count) }
        guard length > 0 else { throw .systemCall("seccomp filter", errno: Int32(-length)) }
        return Array(bytes.prefix(length))
    }
}

extension BackendError {
    /// The launch of bubblewrap failed, and nothing of the command ran.
    fileprivate static func launch(_ step: linux_launch_step, errno code: Int32, program: String) -> BackendError {
        switch (step, code) {
        case (linux_launch_step_directory, EXDEV):
            BackendError(
                .pathEscapeAttempt,
                systemErrno: code,
                message: "another directory took the place of the workspace while the command was started"
            )
        case (linux_launch_step_directory, ENOENT):
            BackendError(
                .execError,
                reason: .notFound,
                systemErrno: code,
                message: "the workspace was removed: create it again"
            )
        case (linux_launch_step_program, ENOENT), (linux_launch_step_program, EACCES):
            .missingBubblewrap(program)
        case (linux_launch_step_program, E2BIG):
            BackendError(
                .execError,
                reason: .tooLarge,
                systemErrno: code,
                message: "an argument is longer than the kernel takes: put it into a file"
            )
        case (linux_launch_step_namespaces, EPERM), (linux_launch_step_namespaces, ENOSYS):
            BackendError(
                .missingUtilities,
                systemErrno: code,
                message: "this host lets the broker make no namespaces: run it as root, or allow user namespaces"
            )
        default:
            .systemCall("starting bubblewrap", errno: code)
        }
    }

    static func missingBubblewrap(_ program: String) -> BackendError {
        BackendError(
            .missingUtilities,
            systemErrno: ENOENT,
            message: "bubblewrap is not at \(program): apt-get install bubblewrap"
        )
    }
}
