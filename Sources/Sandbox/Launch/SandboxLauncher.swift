internal import AgentBackend
internal import CLinux
internal import Glibc

/// Starts sandboxes. Its calls block: they belong on the ``LaunchThread``.
struct SandboxLauncher: ~Copyable, Sendable {
    /// The shell of the host, and so of every sandbox: bash, else sh.
    let shell: String?

    private let level: IsolationLevel
    private let configuration: CommandRunner.Configuration
    /// Sandboxes can be made before there is a workspace for them, which takes the right to mount.
    let makesVacant: Bool

    /// Of bubblewrap; empty without it.
    private let options: [OptionsKind: [UInt8]]
    /// Nil: each is mounted by itself.
    private let preparedFiles: PreparedSystemFiles?
    private let agent: SharedDescriptor
    private let reactor: ReadinessReactor
    private let controlGroups: ControlGroups

    init(
        level: IsolationLevel,
        configuration: CommandRunner.Configuration,
        host: SandboxHost,
        reactor: ReadinessReactor
    ) throws(BackendError) {
        var options: [OptionsKind: [UInt8]] = [:]
        let makesVacant = level.hasNamespaces && geteuid() == 0 && WorkspaceMount.isPossible
        for network in CommandNetwork.allCases where level.hasNamespaces {
            for files in BubblewrapOptions.SystemFilesForm.allCases {
                options[OptionsKind(network: network, files: files)] =
                    try BubblewrapOptions(host: configuration, network, files, isVacant: makesVacant).bytes
            }
        }
        let agent = try host.agent.get()
        self.level = level
        self.makesVacant = makesVacant
        self.configuration = configuration
        self.reactor = reactor
        self.options = options
        preparedFiles = level.hasNamespaces && geteuid() == 0 ? PreparedSystemFiles(configuration) : nil
        self.agent = agent
        controlGroups = host.controlGroups
        shell = ["/bin/bash", "/bin/sh"].first { access($0, X_OK) == 0 }
    }

    private struct OptionsKind: Hashable {
        let network: CommandNetwork
        let files: BubblewrapOptions.SystemFilesForm
    }

    /// Does what the first sandbox would have to wait for.
    func prepare() {
        _ = preparedFiles?.current
    }

    /// What a sandbox for this is made with, as of now.
    func limits(of purpose: SandboxPurpose) -> SandboxLimits {
        SandboxLimits(purpose, configuration, level)
    }

    /// `workspace`: nil where it comes later, see ``makesVacant``.
    ///
    /// Throws `EXEC_ERROR` with a reason where the workspace was removed, `PATH_ESCAPE_ATTEMPT` where another
    /// directory has taken its place, `MISSING_UTILITIES` without bubblewrap, and `RESOURCE_EXHAUSTED`. Nothing is left
    /// behind then.
    func launch(
        in workspace: Int32?,
        for purpose: SandboxPurpose,
        _ limits: SandboxLimits
    ) throws(BackendError) -> LaunchedSandbox {
        guard purpose.network == .none || level != .landlock else { throw .noNetworkAtLandlock }
        let group = try makeGroup(limits, purpose)
        do throws(BackendError) {
            let user = geteuid() == 0 ? purpose.identity : nil
            return try launch(in: workspace, as: user, limits, in: group)
        } catch {
            group?.remove()
            throw error
        }
    }

    /// The weakest level limits nothing.
    private func makeGroup(_ limits: SandboxLimits, _ purpose: SandboxPurpose) throws(BackendError) -> ControlGroup? {
        try controlGroups.check(purpose.limits, isUsed: level != .none)
        guard level != .none else { return nil }
        return try controlGroups.makeGroup(limits.group, of: purpose.tenant.name, within: limits.tenant)
    }

    /// How limits are kept here.
    var limitMechanisms: [LimitMechanism] { controlGroups.report }

    private func launch(
        in workspace: Int32?,
        as user: HostIdentity?,
        _ limits: SandboxLimits,
        in group: ControlGroup?
    ) throws(BackendError) -> LaunchedSandbox {
        let owner = user ?? HostIdentity(uid: geteuid(), gid: getegid())
        let null = try OwnedDescriptor.null(O_RDWR)
        let diagnosis = try OwnedDescriptor.pair(by: "pipe2", linux_pipe)
        try diagnosis.first.setNonBlocking()
        let entrance = try group?.openEntrance()
        defer { withExtendedLifetime(entrance) {} }
        let groups = GroupDescriptors(
            birthplace: entrance?.birthplace?.rawValue ?? -1,
            members: entrance?.members.map(\.rawValue) ?? []
        )
        let socket = try OwnedDescriptor.pair(by: "socketpair", linux_socket_pair)
        let standard = [null.rawValue, null.rawValue, diagnosis.second.rawValue]
        let (processID, pidfd): (pid_t, Int32)
        if level.hasNamespaces {
            let etc = preparedFiles?.current
            let kind = OptionsKind(network: limits.network, files: etc == nil ? .mounted : .prepared)
            let optionFile = try OwnedDescriptor.memoryFile("bwrap-options", options[kind] ?? [])
            let contents = SystemFiles.contents(for: owner, shell: shell ?? "/bin/sh", limits.network)
            let files = try contents.map { text throws(BackendError) in
                SharedDescriptor(try OwnedDescriptor.memoryFile("system-file", Array(text.utf8)))
            }
            var numbers = standard
            for descriptor in BubblewrapOptions.Descriptor.allCases {
                switch descriptor {
                case .options: numbers.append(optionFile.rawValue)
                case .agent: numbers.append(agent.rawValue)
                case .socket: numbers.append(socket.second.rawValue)
                case .files: numbers += files.map(\.rawValue)
                }
            }
            defer { withExtendedLifetime(files) {} }
            let program = Program(
                path: configuration.bubblewrapPath,
                words: bubblewrapWords(limits).map { Array($0.utf8) }
            )
            (processID, pidfd) = try start(
                program,
                workspace,
                etc: etc,
                as: user,
                owner,
                limits,
                descriptors: numbers,
                groups: groups
            )
        } else {
            let numbers = standard + [agent.rawValue, socket.second.rawValue]
            // Never vacant at this level.
            let program = try hostAgent(in: workspace ?? -1)
            (processID, pidfd) = try start(
                program,
                workspace,
                as: user,
                owner,
                limits,
                descriptors: numbers,
                groups: groups
            )
        }
        do throws(BackendError) {
            let process = try MonitoredDescriptor(OwnedDescriptor(pidfd), for: .readable, reactor: reactor)
            let connection = try AgentConnection(socket.first, group: group, reactor: reactor)
            return LaunchedSandbox(
                connection,
                process: process,
                group: group,
                diagnosis: diagnosis.first,
                diesWhole: level.hasNamespaces
            )
        } catch {
            linux_kill_and_reap(processID)
            throw error
        }
    }

    /// Of control groups that a process is to be in, see ``ControlGroup/openEntrance()``.
    private struct GroupDescriptors {
        /// -1: none.
        let birthplace: Int32
        let members: [Int32]
    }

    private struct Program {
        let path: String
        let words: [[UInt8]]
    }

    private func start(
        _ program: Program,
        _ workspace: Int32?,
        etc: String? = nil,
        as user: HostIdentity?,
        _ owner: HostIdentity,
        _ limits: SandboxLimits,
        descriptors: [Int32],
        groups: GroupDescriptors
    ) throws(BackendError) -> (processID: pid_t, pidfd: Int32) {
        let arguments = CStringArray(program.words)
        var place: [UInt8] = []
        if let workspace { place = try SymbolicLink.target(of: "/proc/self/fd/\(workspace)") }
        let keeper = "/proc/self/fd/\(BubblewrapOptions.Descriptor.agent.rawValue)"
        let paths = CStringArray([Array(program.path.utf8), place, Array((etc ?? "").utf8), Array(keeper.utf8)])
        // The kernel counts all processes of a user, which has to do where there is nothing better.
        let countsByUser = user != nil && level != .none && !controlGroups.limits(.processes)
        var pidfd: Int32 = -1
        var failedStep = linux_launch_step_none
        let processID = arguments.withPointers { arguments in
            paths.withPointers { paths in
                Self.withPointers(descriptors, groups.members) { descriptors, members in
                    var launch = linux_launch(
                        program: paths[0],
                        arguments: arguments.baseAddress,
                        descriptors: descriptors.baseAddress,
                        descriptor_count: Int32(descriptors.count),
                        is_apart: level.hasNamespaces,
                        keeper: level.hasNamespaces ? paths[3] : nil,
                        switches_identity: user != nil,
                        uid: owner.uid,
                        gid: owner.gid,
                        control_groups: members.baseAddress,
                        control_group_count: Int32(members.count),
                        birthplace: groups.birthplace,
                        directory: workspace ?? -1,
                        directory_path: paths[1],
                        etc: etc == nil ? nil : paths[2],
                        maximum_descriptors: level == .none ? 0 : UInt64(limits.descriptors),
                        maximum_processes: countsByUser ? UInt64(limits.tenant.processes ?? 0) : 0
                    )
                    return linux_start(&launch, &pidfd, &failedStep)
                }
            }
        }
        guard processID > 0 else {
            throw .launch(failedStep, errno: -processID, program: program.path)
        }
        return (processID, pidfd)
    }

    private static func withPointers<Result>(
        _ first: [Int32],
        _ second: [Int32],
        _ body: (UnsafeBufferPointer<Int32>, UnsafeBufferPointer<Int32>) -> Result
    ) -> Result {
        first.withUnsafeBufferPointer { first in second.withUnsafeBufferPointer { second in body(first, second) } }
    }

    /// bubblewrap's command line: what runs in the sandbox is the agent, and these are its arguments.
    private func bubblewrapWords(_ limits: SandboxLimits) -> [String] {
        [
            "bwrap", "--args", "\(BubblewrapOptions.Descriptor.options.rawValue)", "--",
            "/proc/self/fd/\(BubblewrapOptions.Descriptor.agent.rawValue)",
            "\(BubblewrapOptions.Descriptor.socket.rawValue)", level.rawValue,
            options(ofTemporary: configuration.temporaryDirectorySize, limits),
            options(ofTemporary: configuration.sharedMemorySize, limits),
        ] + (makesVacant ? ["vacant"] : [])
    }

    /// Sized: a full one must not fill the host's memory. Nor the sandbox's: what is in one stays when its writer is
    /// killed, and others would be next.
    private func options(ofTemporary size: Int, _ limits: SandboxLimits) -> String {
        "mode=1777,size=\(min(UInt64(size), limits.memory / 4))"
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
    fileprivate static let noNetworkAtLandlock = BackendError(
        .missingUtilities,
        message:
            "the isolation level landlock gives commands no network: ask for none, or have the broker's operator make "
            + "bwrap work"
    )

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
        case (linux_launch_step_namespaces, EAGAIN):
            BackendError(
                .resourceExhausted,
                systemErrno: code,
                message: "no process can be made for the sandbox: the org has as many as exec.max_processes lets it "
                    + "have, or the host is out of them: end commands, or try again later",
                isRetryable: true
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
