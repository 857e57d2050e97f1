internal import AgentBackend
internal import CLinux
internal import Glibc

/// The directory that a command sees as /workspace, as its sandbox's agent finds it: by its path beneath the workspace,
/// and by what it has to be.
struct ScopeDirectory {
    /// Empty for the workspace itself.
    let path: [UInt8]
    let device: UInt64
    let inode: UInt64

    /// Throws `EXEC_ERROR` with the reason `NOT_FOUND` where it was removed, and `PATH_ESCAPE_ATTEMPT` where it is not
    /// beneath the workspace any more.
    init(_ scope: Int32, beneath workspace: DirectoryIdentity, open root: Int32) throws(BackendError) {
        let identity = try DirectoryIdentity(of: scope)
        device = identity.device
        inode = identity.inode
        guard identity != workspace else {
            path = []
            return
        }
        guard !identity.isRemoved else { throw .workspaceRemoved }
        let whole = try SymbolicLink.target(of: "/proc/self/fd/\(scope)")
        let base = try SymbolicLink.target(of: "/proc/self/fd/\(root)") + [UInt8(ascii: "/")]
        guard whole.starts(with: base), whole.count > base.count else { throw .workspaceReplaced }
        path = Array(whole.dropFirst(base.count))
    }
}

/// Which directory a descriptor is of, whatever names it has.
struct DirectoryIdentity: Equatable {
    let device: UInt64
    let inode: UInt64
    let isRemoved: Bool

    init(of descriptor: Int32) throws(BackendError) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .systemCall("fstat", errno: errno) }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        isRemoved = status.st_nlink == 0
    }

    /// Gives its owner back what a command took away, who could not even undo it: no command starts in a directory that
    /// it may not enter.
    static func openUp(_ descriptor: Int32) {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IRWXU != S_IRWXU else { return }
        // By its path: one that is open as a path cannot be changed. Whoever may not do this is told by the start.
        _ = chmod("/proc/self/fd/\(descriptor)", status.st_mode & 0o7777 | S_IRWXU)
    }
}

extension BackendError {
    static let workspaceRemoved = BackendError(
        .execError,
        reason: .notFound,
        systemErrno: ENOENT,
        message: "the workspace was removed: create it again"
    )

    static let workspaceReplaced = BackendError(
        .pathEscapeAttempt,
        systemErrno: EXDEV,
        message: "another directory took the place of the workspace while the command was started"
    )
}
