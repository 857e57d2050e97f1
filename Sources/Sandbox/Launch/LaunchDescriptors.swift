internal import AgentBackend
internal import CLinux

/// All that bubblewrap gets open for one command.
struct LaunchDescriptors: ~Copyable {
    let input: StandardInput
    let output: StandardOutput
    let error: StandardOutput

    let options: OwnedDescriptor
    let users: OwnedDescriptor
    let groups: OwnedDescriptor
    /// A socket, since it doubles as the gate: bubblewrap reads the filter last, to the end, before it runs the
    /// command. Should the broker die first the filter is empty, which the kernel refuses, and nothing runs.
    let filter: OwnedDescriptor
    let filterWriter: MonitoredDescriptor
    let status: OwnedDescriptor
    let statusReader: OwnedDescriptor

    init(
        input: consuming StandardInput,
        output: consuming StandardOutput,
        error: consuming StandardOutput,
        optionBytes: [UInt8],
        user: SandboxUser,
        reactor: ReadinessReactor
    ) throws(BackendError) {
        // All first, then the members: an initializer must not fail between two of them.
        let options = try OwnedDescriptor.memoryFile("bwrap-options", optionBytes)
        let users = try OwnedDescriptor.memoryFile("passwd", user.users)
        let groups = try OwnedDescriptor.memoryFile("group", user.groups)
        let filter = try OwnedDescriptor.pair(by: "socketpair", linux_socket_pair)
        let status = try OwnedDescriptor.pair(by: "pipe2", linux_pipe)
        try status.first.setNonBlocking()
        let filterWriter = try MonitoredDescriptor(filter.second, reactor: reactor)
        self.input = input
        self.output = output
        self.error = error
        self.options = options
        self.users = users
        self.groups = groups
        self.filter = filter.first
        self.filterWriter = filterWriter
        self.status = status.second
        self.statusReader = status.first
    }

    /// By the numbers that bubblewrap gets them as: 0, 1, 2, and then those of ``BubblewrapOptions/Descriptor``.
    var numbers: [Int32] {
        var numbers = [input.inside.rawValue, output.inside.rawValue, error.inside.rawValue]
        for descriptor in BubblewrapOptions.Descriptor.allCases {
            switch descriptor {
            case .options: numbers.append(options.rawValue)
            case .filter: numbers.append(filter.rawValue)
            case .status: numbers.append(status.rawValue)
            case .users: numbers.append(users.rawValue)
            case .groups: numbers.append(groups.rawValue)
            }
        }
        return numbers
    }
}
