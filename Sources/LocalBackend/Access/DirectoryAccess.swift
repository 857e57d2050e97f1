internal import AgentBackend
internal import CLinux
internal import Glibc

/// Resolves paths beneath one open directory. What leads outside fails in the kernel, whatever is swapped in between
/// two calls; openat2(2), `RESOLVE_BENEATH`.
///
/// A command in a sandbox sees the directory as `/workspace` and makes symbolic links to `/workspace/…`. For the
/// kernel those lead outside; they are followed here, name by name.
struct DirectoryAccess {
    let root: FileDescriptorHandle
    /// Only what the kernel has in its caches: everything else is ``Failure/wouldBlock``.
    var cachedOnly = false

    /// errno(3) of a call, or one of two things that errno cannot say.
    enum Failure: Error {
        case errno(Int32)
        case escape
        case wouldBlock
    }

    /// Opens `path` with the given open(2) flags. Follows a final link unless they hold O_NOFOLLOW.
    func open(_ path: WorkspacePath, flags: UInt64, mode: UInt64 = 0) throws(Failure) -> FileDescriptorHandle {
        let descriptor = openBeneath(path, flags: flags, mode: mode, resolve: linux_resolve_beneath)
        if descriptor >= 0 { return FileDescriptorHandle(owning: descriptor) }
        guard descriptor == -EXDEV else { throw failure(descriptor) }
        guard !cachedOnly else { throw .wouldBlock }
        let followsLast = flags & linux_o_nofollow == 0
        // A link that is put in the way of the resolved path makes the kernel say ELOOP: resolve again.
        for _ in 0..<Self.maximumRetries {
            let resolved = try resolve(path, followLast: followsLast)
            let descriptor = openBeneath(resolved, flags: flags, mode: mode, resolve: Self.resolvePlain)
            if descriptor >= 0 { return FileDescriptorHandle(owning: descriptor) }
            guard descriptor == -ELOOP else { throw failure(descriptor) }
        }
        throw .errno(ELOOP)
    }

    /// Opens the directory that holds `path`, for a `*at` call on its name.
    func openParent(_ path: WorkspacePath) throws(Failure) -> (directory: FileDescriptorHandle, name: [UInt8]) {
        guard let (parent, name) = path.parentAndName else { throw .errno(EBUSY) }
        return (try open(parent, flags: linux_o_path | linux_o_directory), name)
    }

    /// The same file by a path without symbolic links. What does not exist yet is taken by its name.
    func resolve(_ path: WorkspacePath, followLast: Bool) throws(Failure) -> WorkspacePath {
        var resolved: [[UInt8]] = []
        var pending = Array(path.bytes.split(separator: Self.slash).map(Array.init).reversed())
        var links = 0
        while let name = pending.popLast() {
            if name == [Self.dot] { continue }
            if name == [Self.dot, Self.dot] {
                guard resolved.popLast() != nil else { throw .escape }
                continue
            }
            let target = pending.isEmpty && !followLast ? nil : try linkTarget(resolved + [name])
            guard let target else {
                resolved.append(name)
                continue
            }
            links += 1
            guard links <= Self.maximumLinks else { throw .errno(ELOOP) }
            var names = target.split(separator: Self.slash).map(Array.init)
            if target.first == Self.slash {
                guard names.first == Self.rootName else { throw .escape }
                names.removeFirst()
                resolved.removeAll()
            }
            pending.append(contentsOf: names.reversed())
            guard pending.count <= Self.maximumNames else { throw .errno(ENAMETOOLONG) }
        }
        return try Self.path(resolved)
    }

    /// What the symbolic link at `names` says; nil where there is none.
    private func linkTarget(_ names: [[UInt8]]) throws(Failure) -> [UInt8]? {
        let path = try Self.path(names)
        let flags = linux_o_path | linux_o_nofollow
        let descriptor = openBeneath(path, flags: flags, mode: 0, resolve: Self.resolvePlain)
        if descriptor == -ENOENT { return nil }
        guard descriptor >= 0 else { throw failure(descriptor) }
        let handle = FileDescriptorHandle(owning: descriptor)
        var status = Glibc.stat()
        guard fstat(handle.number, &status) == 0 else { throw .errno(errno) }
        guard status.st_mode & S_IFMT == S_IFLNK else { return nil }
        let target = [UInt8](unsafeUninitializedCapacity: Int(PATH_MAX)) { buffer, count in
            guard let start = buffer.baseAddress else { return }
            count = max(0, readlinkat(handle.number, "", UnsafeMutableRawPointer(start), buffer.count))
        }
        guard !target.isEmpty else { throw .errno(EIO) }
        return target
    }

    private func openBeneath(_ path: WorkspacePath, flags: UInt64, mode: UInt64, resolve: UInt64) -> Int32 {
        let how = resolve | linux_resolve_no_magiclinks | (cachedOnly ? linux_resolve_cached : 0)
        return path.withCString { name in
            var descriptor = linux_openat2(root.number, name, flags, mode, how)
            var retries = 0
            // EAGAIN: a rename or mount somewhere raced with ".." in a link.
            while descriptor == -EAGAIN, !cachedOnly, retries < Self.maximumRetries {
                descriptor = linux_openat2(root.number, name, flags, mode, how)
                retries += 1
            }
            return descriptor
        }
    }

    private func failure(_ result: Int32) -> Failure {
        cachedOnly && result == -EAGAIN ? .wouldBlock : .errno(-result)
    }

    private static func path(_ names: [[UInt8]]) throws(Failure) -> WorkspacePath {
        do throws(BackendError) {
            return try WorkspacePath(joining: names)
        } catch {
            throw .errno(ENAMETOOLONG)
        }
    }

    private static let resolvePlain = linux_resolve_beneath | linux_resolve_no_symlinks
    private static let slash = UInt8(ascii: "/")
    private static let dot = UInt8(ascii: ".")
    private static let rootName = Array(WorkspacePath.rootName.utf8.dropFirst())
    private static let maximumRetries = 64
    /// As the kernel's; path_resolution(7).
    private static let maximumLinks = 40
    private static let maximumNames = 4096
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
            for (index, byte) in enumerated() { buffer[index] = CChar(bitPattern: byte) }
            buffer[count] = 0
            // Never nil: the capacity is at least 1.
            guard let start = buffer.baseAddress else { return body("") }
            return body(start)
        }
    }
}
