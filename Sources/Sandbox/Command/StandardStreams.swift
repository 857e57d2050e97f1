internal import AgentBackend
internal import CLinux
internal import Glibc

/// The standard input of a command.
struct StandardInput: ~Copyable {
    /// The command's end, to be closed once it has it.
    let inside: OwnedDescriptor
    /// Nil where it is at its end from the beginning.
    let writer: MonitoredDescriptor?

    static func open(owner: HostIdentity?, reactor: ReadinessReactor) throws(BackendError) -> StandardInput {
        let pipe = try OwnedDescriptor.pipe(owner: owner)
        let writer = try MonitoredDescriptor(pipe.second, for: .hungUp, reactor: reactor)
        return StandardInput(inside: pipe.first, writer: writer)
    }

    static func empty() throws(BackendError) -> StandardInput {
        StandardInput(inside: try .null(O_RDONLY), writer: nil)
    }
}

/// A stream that a command writes.
struct StandardOutput: ~Copyable {
    /// The command's end, to be closed once it has it.
    let inside: OwnedDescriptor
    let reader: MonitoredDescriptor

    static func open(owner: HostIdentity?, reactor: ReadinessReactor) throws(BackendError) -> StandardOutput {
        let pipe = try OwnedDescriptor.pipe(owner: owner)
        let reader = try MonitoredDescriptor(pipe.first, for: .bytes, reactor: reactor)
        return StandardOutput(inside: pipe.second, reader: reader)
    }
}

extension OwnedDescriptor {
    /// /dev/null.
    static func null(_ flags: Int32) throws(BackendError) -> OwnedDescriptor {
        let null = open("/dev/null", flags | O_CLOEXEC)
        return try made(by: "open", null < 0 ? -errno : null)
    }

    /// A pipe that belongs to the command's user: one of root's cannot be opened again as /dev/stdout.
    fileprivate static func pipe(owner: HostIdentity?) throws(BackendError) -> DescriptorPair {
        let pipe = try pair(by: "pipe2", linux_pipe)
        if let owner, fchown(pipe.first.rawValue, owner.uid, owner.gid) != 0 {
            throw .systemCall("fchown", errno: errno)
        }
        return pipe
    }
}
