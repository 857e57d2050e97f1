internal import AgentBackend
internal import CLinux
internal import Glibc

/// Starts sandboxes. Its calls block: they belong on the ``LaunchThread``.
struct SandboxLauncher: ~Copyable, Sendable {
    /// The shell of the host, and so of every sandbox: bash, else sh.
    let shell: String?

    private let level: IsolationLevel
    private let configuration: CommandRunner.Configuration
    /// Of bubblewrap; empty without it.
    private let options: [UInt8]
    private let agent: AgentProgram
    private let reactor: ReadinessReactor

    init(
        level: IsolationLevel,
        configuration: CommandRunner.Configuration,
        reactor: ReadinessReactor
    ) throws(BackendError) {
        let options = level.hasNamespaces ? try BubblewrapOptions(host: configuration).bytes : []
        let agent = try AgentProgram()
        self.level = level
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
        let socket = try OwnedDescriptor.pair(by: "socketpair", linux_socket_pair)
        let standard = [null.rawValue, null.rawValue, diagnosis.second.rawValue]
        let (processID, pidfd): (pid_t, Int32)
        if level.hasNamespaces {
            let optionFile = try OwnedDescriptor.memoryFile("bwrap-options", options)
            let contents = SystemFiles.contents(for: owner, shell: shell ?? "/bin/sh")
            let files = try contents.map { text throws(BackendError) in
                SharedDescriptor(try OwnedDescriptor.memoryFile("system-file", Array(text.utf8)))
            }
            var numbers = standard
            for descriptor in BubblewrapOptions.Descriptor.allCases {
                switch descriptor {
                case .options: numbers.append(optionFile.rawValue)
                case .agent: numbers.append(agent.file.rawValue)
                case .socket: numbers.append(socket.second.rawValue)
                case .files: numbers += files.map(\.rawValue)
                }
            }
            defer { withExtendedLifetime(files) {} }
            let program = Program(path: configuration.bubblewrapPath, words: bubblewrapWords.map { Array($0.utf8) })
            (processID, pidfd) = try start(program, workspace, as: user, owner, descriptors: numbers)
        } else {
            let numbers = standard + [agent.file.rawValue, socket.second.rawValue]
            let program = try hostAgent(in: workspace)
            (processID, pidfd) = try start(program, workspace, as: user, owner, descriptors: numbers)
        }
        do throws(BackendError) {
            let process = try MonitoredDescriptor(OwnedDescriptor(pidfd), reactor: reactor)
            let connection = try AgentConnection(socket.first, reactor: reactor)
            return LaunchedSandbox(
                connection,
                workspace: identity,
                process: process,
                diagnosis: diagnosis.first,
                diesWhole: level.hasNamespaces
            )
        } catch {
            linux_kill_and_reap(processID)
            throw error
        }
    }

    private struct Program {
        let path: String
        let words: [[UInt8]]
    }

    private func start(
        _ program: Program,
        _ workspace: Int32,
        as user: HostIdentity?,
        _ owner: HostIdentity,
        descriptors: [Int32]
    ) throws(BackendError) -> (processID: pid_t, pidfd: Int32) {
        let arguments = CStringArray(program.words)
        let path = CStringArray([Array(program.path.utf8)])
        let directory = CStringArray([try SymbolicLink.target(of: "/proc/self/fd/\(workspace)")])
        var pidfd: Int32 = -1
        var failedStep = linux_launch_step_none
        let processID = arguments.withPointers { arguments in
            path.withPointers { path in
                directory.withPointers { directory in
                    descriptors.withUnsafeBufferPointer { descriptors in
                        var launch = linux_launch(
                            program: path[0],
                            arguments: arguments.baseAddress,
                            descriptors: descriptors.baseAddress,
                            descriptor_count: Int32(descriptors.count),
                            is_apart: level.hasNamespaces,
                            switches_identity: user != nil,
                            uid: owner.uid,
                            gid: owner.gid,
                            directory: workspace,
                            directory_path: directory[0],
                            maximum_descriptors: level == .none ? 0 : UInt64(configuration.maximumDescriptors),
                            maximum_processes: user == nil || level == .none
                                ? 0 : UInt64(configuration.maximumProcesses)
                        )
                        return linux_start(&launch, &pidfd, &failedStep)
                    }
                }
            }
        }
        guard processID > 0 else {
            throw .launch(failedStep, errno: -processID, program: program.path)
        }
        return (processID, pidfd)
    }

    /// bubblewrap's command line: what runs in the sandbox is the agent, and these are its arguments.
    private var bubblewrapWords: [String] {
        [
            "bwrap", "--args", "\(BubblewrapOptions.Descriptor.options.rawValue)", "--",
            "/proc/self/fd/\(BubblewrapOptions.Descriptor.agent.rawValue)",
            "\(BubblewrapOptions.Descriptor.socket.rawValue)", level.rawValue,
            // Sized: a full one must not fill the host's memory.
            "mode=1777,size=\(configuration.temporaryDirectorySize)",
            "mode=1777,size=\(configuration.sharedMemorySize)",
        ]
    }

    /// The agent alone, which sees the host's file system.
    private func hostAgent(in workspace: Int32) throws(BackendError) -> Program {
        let directory = try SymbolicLink.target(of: "/proc/self/fd/\(workspace)")
        let readable =
            ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/proc"] + SystemFiles.paths
            + configuration.systemFiles + configuration.readOnlyPaths
        // Its program and its socket have the numbers after those of the standard streams.
        return Program(
            path: "/proc/self/fd/3",
            words: ["sandbox-agent", "4", level.rawValue].map { Array($0.utf8) } + [directory]
                + readable.map { Array($0.utf8) }
        )
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
        case (linux_launch_step_namespaces, ENOSPC):
            BackendError(
                .missingUtilities,
                systemErrno: code,
                message: "this host's limit of namespaces is reached: raise user.max_user_namespaces"
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
