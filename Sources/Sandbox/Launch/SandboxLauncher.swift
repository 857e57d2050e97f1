internal import AgentBackend
internal import CLinux
internal import Glibc

/// Starts sandboxes. Its calls block: they belong on the ``LaunchThread``.
struct SandboxLauncher: ~Copyable, Sendable {
    /// The shell of the host, and so of every sandbox: bash, else sh.
    let shell: String?

    private let configuration: CommandRunner.Configuration
    private let options: [UInt8]
    private let agent: AgentProgram
    private let reactor: ReadinessReactor

    init(configuration: CommandRunner.Configuration, reactor: ReadinessReactor) throws(BackendError) {
        let options = try BubblewrapOptions(host: configuration).bytes
        let agent = try AgentProgram()
        self.configuration = configuration
        self.reactor = reactor
        self.options = options
        self.agent = agent
        shell = ["/bin/bash", "/bin/sh"].first { access($0, X_OK) == 0 }
    }

    /// Throws `EXEC_ERROR` with a reason where the workspace was removed, `PATH_ESCAPE_ATTEMPT` where another
    /// directory has taken its place, `MISSING_UTILITIES` without bubblewrap, and `RESOURCE_EXHAUSTED`. Nothing is left
    /// behind then.
    func launch(
        _ identity: DirectoryIdentity,
        open workspace: Int32,
        as user: HostIdentity?
    ) throws(BackendError) -> LaunchedSandbox {
        let owner = user ?? HostIdentity(uid: geteuid(), gid: getegid())
        let null = try OwnedDescriptor.null(O_RDWR)
        let diagnosis = try OwnedDescriptor.pair(by: "pipe2", linux_pipe)
        try diagnosis.first.setNonBlocking()
        let optionFile = try OwnedDescriptor.memoryFile("bwrap-options", options)
        let files = try SystemFiles.contents(for: owner, shell: shell ?? "/bin/sh").map { text throws(BackendError) in
            SharedDescriptor(try OwnedDescriptor.memoryFile("system-file", Array(text.utf8)))
        }
        let socket = try OwnedDescriptor.pair(by: "socketpair", linux_socket_pair)

        var numbers = [null.rawValue, null.rawValue, diagnosis.second.rawValue]
        for descriptor in BubblewrapOptions.Descriptor.allCases {
            switch descriptor {
            case .options: numbers.append(optionFile.rawValue)
            case .agent: numbers.append(agent.file.rawValue)
            case .socket: numbers.append(socket.second.rawValue)
            case .files: numbers += files.map(\.rawValue)
            }
        }
        defer { withExtendedLifetime(files) {} }
        let (processID, pidfd) = try start(workspace, as: user, owner, descriptors: numbers)
        do throws(BackendError) {
            let process = try MonitoredDescriptor(OwnedDescriptor(pidfd), reactor: reactor)
            let connection = try AgentConnection(socket.first, reactor: reactor)
            return LaunchedSandbox(connection, workspace: identity, process: process, diagnosis: diagnosis.first)
        } catch {
            linux_kill_and_reap(processID)
            throw error
        }
    }

    private func start(
        _ workspace: Int32,
        as user: HostIdentity?,
        _ owner: HostIdentity,
        descriptors: [Int32]
    ) throws(BackendError) -> (processID: pid_t, pidfd: Int32) {
        let arguments = CStringArray(words.map { Array($0.utf8) })
        let program = CStringArray([Array(configuration.bubblewrapPath.utf8)])
        let directory = CStringArray([try SymbolicLink.target(of: "/proc/self/fd/\(workspace)")])
        var pidfd: Int32 = -1
        var failedStep = linux_launch_step_none
        let processID = arguments.withPointers { arguments in
            program.withPointers { program in
                directory.withPointers { directory in
                    descriptors.withUnsafeBufferPointer { descriptors in
                        var launch = linux_launch(
                            program: program[0],
                            arguments: arguments.baseAddress,
                            descriptors: descriptors.baseAddress,
                            descriptor_count: Int32(descriptors.count),
                            switches_identity: user != nil,
                            uid: owner.uid,
                            gid: owner.gid,
                            directory: workspace,
                            directory_path: directory[0],
                            maximum_descriptors: UInt64(configuration.maximumDescriptors),
                            maximum_processes: user == nil ? 0 : UInt64(configuration.maximumProcesses)
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

    /// bubblewrap's command line: what runs in the sandbox is the agent, and these are its arguments.
    private var words: [String] {
        [
            "bwrap", "--args", "\(BubblewrapOptions.Descriptor.options.rawValue)", "--",
            "/proc/self/fd/\(BubblewrapOptions.Descriptor.agent.rawValue)",
            "\(BubblewrapOptions.Descriptor.socket.rawValue)",
            // Sized: a full one must not fill the host's memory.
            "mode=1777,size=\(configuration.temporaryDirectorySize)",
            "mode=1777,size=\(configuration.sharedMemorySize)",
        ]
    }
}

extension BackendError {
    /// The launch of bubblewrap failed, and nothing of the command ran.
    fileprivate static func launch(_ step: linux_launch_step, errno code: Int32, program: String) -> BackendError {
        switch (step, code) {
        case (linux_launch_step_directory, EXDEV):
            .workspaceReplaced
        case (linux_launch_step_directory, ENOENT):
            .workspaceRemoved
        case (linux_launch_step_program, ENOENT), (linux_launch_step_program, EACCES):
            .missingBubblewrap(program)
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
