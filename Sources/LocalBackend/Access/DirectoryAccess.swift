internal import AgentBackend
internal import CLinux
internal import Glibc

/// Resolves paths beneath one open directory. What leads outside fails in the kernel, whatever is swapped in between
/// two calls; openat2(2), `RESOLVE_BENEATH`.
struct DirectoryAccess {
    let root: FileDescriptorHandle
    /// Only what the kernel has in its caches: everything else is ``Failure/wouldBlock``.
    var cachedOnly = false
    /// Where what is made and removed counts. Nil: nobody counts it.
    var usage: WorkspaceUsage?

    /// errno(3) of a call, or what errno cannot say.
    enum Failure: Error {
        case errno(Int32)
        case escape
        /// A link with this target would.
        case leadsOutside(LinkTarget)
        /// The root itself, which cannot be removed or replaced.
        case isRoot
        case tooLarge(bytes: UInt64, allowed: UInt64)
        case overQuota(UsageLedger.Refusal)
        /// What would be moved or copied to this place, which lies within it.
        case intoItself(WorkspacePath)
        /// A directory that was to be copied as if it were a file.
        case needsRecursion
        /// Another version of a file than the expected one is there; nil: none.
        case versionConflict(current: Etag?)
        case wouldBlock
        case cancelled
        case destroyed
        /// Told of another path than that of the operation.
        indirect case at(WorkspacePath, Failure)
        /// What the caller is told as it is.
        case refused(BackendError)
    }

    /// Opens `path` with the given open(2) flags. Follows a final link unless they hold O_NOFOLLOW.
    func open(_ path: WorkspacePath, flags: UInt64) throws(Failure) -> FileDescriptorHandle {
        FileDescriptorHandle(owning: try openNumber(path, flags: flags))
    }

    /// As ``open(_:flags:)``, for as long as `body` runs, which gets the number of the descriptor.
    func withOpen<Value>(
        _ path: WorkspacePath,
        flags: UInt64,
        _ body: (Int32) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        let number = try openNumber(path, flags: flags)
        // EINTR too has closed it: close(2).
        defer { _ = linux_close(number) }
        return try body(number)
    }

    /// The caller closes it.
    private func openNumber(_ path: WorkspacePath, flags: UInt64) throws(Failure) -> Int32 {
        let descriptor = openBeneath(path, flags: flags, resolve: linux_resolve_beneath)
        if descriptor >= 0 { return descriptor }
        guard descriptor == -EXDEV else { throw failure(descriptor) }
        guard !cachedOnly else { throw .wouldBlock }
        let followsLast = flags & linux_o_nofollow == 0
        // A link that is put in the way of the resolved path makes the kernel say ELOOP, and what is moved elsewhere while
        // it is opened, as by a write that exchanges it, EXDEV: resolve again.
        for _ in 0..<Self.maximumResolutions {
            do throws(Failure) {
                let resolved = try resolve(path, followLast: followsLast)
                let descriptor = openBeneath(resolved, flags: flags, resolve: Self.resolvePlain)
                if descriptor >= 0 { return descriptor }
                guard descriptor == -ELOOP || descriptor == -EXDEV else { throw failure(descriptor) }
            } catch .errno(EXDEV) {
            }
        }
        throw .errno(EBUSY)
    }

    /// Opens the directory that holds `path`, for a `*at` call on its name.
    func openParent(_ path: WorkspacePath) throws(Failure) -> (directory: FileDescriptorHandle, name: [UInt8]) {
        guard let (parent, name) = path.parentAndName else { throw .isRoot }
        return (try open(parent, flags: linux_o_path | linux_o_directory), name)
    }

    func openBeneath(_ path: WorkspacePath, flags: UInt64, resolve: UInt64) -> Int32 {
        let how = resolve | linux_resolve_no_magiclinks | (cachedOnly ? linux_resolve_cached : 0)
        return path.withCString { name in
            var descriptor = linux_openat2(root.number, name, flags, 0, how)
            var retries = 0
            // EAGAIN: a rename or mount somewhere raced with ".." in a link.
            while descriptor == -EAGAIN, !cachedOnly, retries < Self.maximumRetries {
                descriptor = linux_openat2(root.number, name, flags, 0, how)
                retries += 1
            }
            return descriptor
        }
    }

    func failure(_ result: Int32) -> Failure {
        cachedOnly && result == -EAGAIN ? .wouldBlock : .errno(-result)
    }

    /// Beneath the root and over no symbolic link.
    static let resolvePlain = linux_resolve_beneath | linux_resolve_no_symlinks
    private static let maximumRetries = 64
    private static let maximumResolutions = 16
}

extension WorkspacePath {
    /// Calls `body` with the path as the kernel takes it, relative to the root.
    func withCString<Value>(_ body: (UnsafePointer<CChar>) -> Value) -> Value {
        isRoot ? body(".") : bytes.withCString(body)
    }
}

extension [UInt8] {
    /// Calls `body` with the bytes, which hold no NUL, and a NUL behind them.
    func withCString<Value>(_ body: (UnsafePointer<CChar>) -> Value) -> Value {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: count + 1) { buffer in
            UnsafeMutableRawBufferPointer(buffer).copyBytes(from: self)
            buffer[count] = 0
            // Never nil: the capacity is at least 1.
            guard let start = buffer.baseAddress else { return body("") }
            return body(start)
        }
    }
}
