internal import AgentBackend
internal import CLinux
internal import Glibc

/// The directory that a backend is confined to, opened on first use and again when the cache has closed it. Safe to use
/// from any thread.
final class RootDirectory: Sendable {
    enum Origin: Sendable {
        /// A directory of the host, which exists.
        case host(path: String)
        /// A directory of another root, made on first use. It is destroyed with that root.
        case scope(of: RootDirectory, path: WorkspacePath)
    }

    private let origin: Origin
    private let cache: OpenDirectoryCache
    private let cached = CachedDirectory()
    /// Where what is made in it counts. Nil: nobody counts it.
    let usage: WorkspaceUsage?

    init(_ origin: Origin, in cache: OpenDirectoryCache, usage: WorkspaceUsage? = nil) {
        self.origin = origin
        self.cache = cache
        self.usage = usage
    }

    deinit {
        if cached.descriptor != nil { cache.close(cached) }
    }

    func scope(_ path: WorkspacePath) -> RootDirectory {
        RootDirectory(.scope(of: self, path: path), in: cache, usage: usage)
    }

    /// The backend's own, which this is or is a scope of.
    var outermost: RootDirectory {
        switch origin {
        case .host: self
        case .scope(let parent, _): parent.outermost
        }
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
        return cached.use()
    }

    var isDestroyed: Bool {
        if case .scope(let parent, _) = origin, parent.isDestroyed { return true }
        return cached.isDestroyed
    }

    /// Opens the directory where it is closed; a scope's is made where it is missing. Runs as the org's user.
    func descriptor() throws(DirectoryAccess.Failure) -> FileDescriptorHandle {
        if let descriptor = openDescriptor { return descriptor }
        guard !isDestroyed else { throw .destroyed }
        guard let descriptor = cache.keep(try open(), for: cached) else { throw .destroyed }
        return descriptor
    }

    /// Opens anew next time, where what was opened has been removed. False, and nothing done, where it has not.
    func forget(removed descriptor: FileDescriptorHandle) -> Bool {
        guard descriptor.isRemoved else { return false }
        cache.close(cached, descriptor)
        return true
    }

    func destroy() {
        cache.destroy(cached)
    }

    private func open() throws(DirectoryAccess.Failure) -> FileDescriptorHandle {
        let flags = linux_o_path | linux_o_directory
        switch origin {
        case .host(let path):
            let descriptor = linux_openat2(AT_FDCWD, path, flags | linux_o_nofollow, 0, 0)
            guard descriptor >= 0 else { throw .errno(-descriptor) }
            return FileDescriptorHandle(owning: descriptor)
        case .scope(let parent, let path):
            let access = DirectoryAccess(root: try parent.descriptor(), usage: usage)
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
