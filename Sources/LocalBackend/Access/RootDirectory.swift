internal import AgentBackend
internal import CLinux
internal import Glibc
internal import Synchronization

/// The directory that a backend is confined to, opened on first use. Safe to use from any thread.
final class RootDirectory: Sendable {
    enum Origin: Sendable {
        /// A directory of the host, which exists.
        case host(path: String)
        /// A directory of another root, made on first use. It is destroyed with that root.
        case scope(of: RootDirectory, path: WorkspacePath)
    }

    private let origin: Origin
    private let state = Mutex(State.closed)

    private enum State {
        case closed
        case open(FileDescriptorHandle)
        case destroyed
    }

    init(_ origin: Origin) {
        self.origin = origin
    }

    /// Where it is on the host, for who must name it there. Not for resolving files.
    var hostPath: String {
        switch origin {
        case .host(let path): path
        case .scope(let parent, let path):
            path.isRoot ? parent.hostPath : parent.hostPath + "/" + String(decoding: path.bytes, as: UTF8.self)
        }
    }

    /// The descriptor where it is open already; nil also where it is destroyed.
    var openDescriptor: FileDescriptorHandle? {
        if case .scope(let parent, _) = origin, parent.isDestroyed { return nil }
        return state.withLock { state in
            if case .open(let descriptor) = state { descriptor } else { nil }
        }
    }

    var isDestroyed: Bool {
        if case .scope(let parent, _) = origin, parent.isDestroyed { return true }
        return state.withLock { state in
            if case .destroyed = state { true } else { false }
        }
    }

    /// Opens the directory, the first time; a scope's is made. Runs as the org's user.
    func descriptor() throws(DirectoryAccess.Failure) -> FileDescriptorHandle {
        if let descriptor = openDescriptor { return descriptor }
        guard !isDestroyed else { throw .destroyed }
        let opened = try open()
        return try state.withLock { state throws(DirectoryAccess.Failure) in
            switch state {
            case .open(let first):
                return first
            case .closed:
                state = .open(opened)
                return opened
            case .destroyed:
                throw .destroyed
            }
        }
    }

    /// Opens anew next time, where what was opened has been removed. False, and nothing done, where it has not.
    func forget(removed descriptor: FileDescriptorHandle) -> Bool {
        guard descriptor.isRemoved else { return false }
        state.withLock { state in
            if case .open(let present) = state, present === descriptor { state = .closed }
        }
        return true
    }

    func destroy() {
        state.withLock { $0 = .destroyed }
    }

    private func open() throws(DirectoryAccess.Failure) -> FileDescriptorHandle {
        let flags = linux_o_path | linux_o_directory
        switch origin {
        case .host(let path):
            let descriptor = linux_openat2(AT_FDCWD, path, flags | linux_o_nofollow, 0, 0)
            guard descriptor >= 0 else { throw .errno(-descriptor) }
            return FileDescriptorHandle(owning: descriptor)
        case .scope(let parent, let path):
            let access = DirectoryAccess(root: try parent.descriptor())
            do throws(DirectoryAccess.Failure) {
                return try access.open(path, flags: flags)
            } catch .errno(ENOENT) {
                // Where the parent's root was removed too, that is found out first.
                guard !parent.forget(removed: access.root) else { return try open() }
                try access.makeDirectories(path)
                return try access.open(path, flags: flags)
            }
        }
    }
}

extension FileDescriptorHandle {
    /// Has no name any more.
    var isRemoved: Bool {
        var status = Glibc.stat()
        return fstat(number, &status) == 0 && status.st_nlink == 0
    }
}
