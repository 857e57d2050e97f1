internal import AgentBackend
internal import CLinux
internal import Glibc
internal import Synchronization

/// The directory that a backend is confined to, opened on first use. Safe to use from any thread.
final class RootDirectory: Sendable {
    enum Origin: Sendable {
        /// A directory of the host, which exists.
        case host(path: String)
        /// A directory of another root, made on first use.
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

    /// The descriptor where it is open already.
    var openDescriptor: FileDescriptorHandle? {
        state.withLock { state in
            if case .open(let descriptor) = state { descriptor } else { nil }
        }
    }

    /// Opens the directory, the first time; a scope's is made. Runs as the org's user.
    func descriptor(limits: LocalFilesystemLimits) throws(DirectoryAccess.Failure) -> FileDescriptorHandle {
        if let descriptor = openDescriptor { return descriptor }
        let opened = try open(limits: limits)
        return try state.withLock { state throws(DirectoryAccess.Failure) in
            switch state {
            case .open(let first):
                return first
            case .closed:
                state = .open(opened)
                return opened
            case .destroyed:
                throw .errno(ENOENT)
            }
        }
    }

    func destroy() {
        state.withLock { $0 = .destroyed }
    }

    private func open(limits: LocalFilesystemLimits) throws(DirectoryAccess.Failure) -> FileDescriptorHandle {
        switch origin {
        case .host(let path):
            let flags = linux_o_path | linux_o_directory | linux_o_nofollow
            let descriptor = linux_openat2(AT_FDCWD, path, flags, 0, 0)
            guard descriptor >= 0 else { throw .errno(-descriptor) }
            return FileDescriptorHandle(owning: descriptor)
        case .scope(let parent, let path):
            let access = DirectoryAccess(root: try parent.descriptor(limits: limits))
            let flags = linux_o_path | linux_o_directory
            do throws(DirectoryAccess.Failure) {
                return try access.open(path, flags: flags)
            } catch .errno(ENOENT) {
                let files = LocalFiles(access: access, temporary: access.root, limits: limits)
                try files.makeDirectories(path)
                return try access.open(path, flags: flags)
            }
        }
    }
}
