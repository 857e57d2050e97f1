internal import AgentBackend
internal import CLinux
internal import Glibc
internal import NIOCore

extension LocalFiles {
    /// Writes a file from memory.
    func write(
        _ bytes: ByteBuffer,
        to path: WorkspacePath,
        options: WriteOptions
    ) throws(DirectoryAccess.Failure) -> FileInfo {
        if options.mode == .append, let info = try append(bytes, to: path, durability: options.durability) {
            return info
        }
        let file = try makeTemporaryFile()
        try write(bytes, to: file, at: 0)
        return try commit(file, to: path, options: options)
    }

    /// Adds to a file in the making that has `size` bytes.
    func write(_ bytes: ByteBuffer, to file: TemporaryFile, at size: UInt64) throws(DirectoryAccess.Failure) {
        try check(size: size + UInt64(bytes.readableBytes))
        try file.descriptor.write(bytes, at: size)
    }

    func check(size: UInt64) throws(DirectoryAccess.Failure) {
        guard size <= limits.maximumFileBytes else {
            throw .tooLarge(bytes: size, allowed: limits.maximumFileBytes)
        }
    }

    /// Gives a file that was written its place. `EEXIST` in mode `createOnly` where there is anything.
    func commit(
        _ file: TemporaryFile,
        to path: WorkspacePath,
        options: WriteOptions
    ) throws(DirectoryAccess.Failure) -> FileInfo {
        // What stands at the path may change between looking and acting; each change is looked at again.
        for _ in 0..<Self.maximumRetries {
            let place = try place(of: path, mode: options.mode)
            if options.mode == .append, place.old != nil {
                guard let info = try append(file, to: place, durability: options.durability) else { continue }
                file.remove()
                return info
            }
            // Before anything takes effect: it may be refused.
            let synced = options.durability == .full ? try place.parent.openToSync() : nil
            try prepare(file, permissions: place.old?.st_mode ?? options.permissions, options.durability)
            let info = FileInfo(try file.descriptor.status())
            if place.old != nil {
                guard try file.replace(place.name, in: place.parent) else { continue }
            } else {
                do throws(DirectoryAccess.Failure) {
                    try file.move(to: place.name, in: place.parent)
                } catch .errno(EEXIST) {
                    continue
                } catch .errno(ENOENT) where !access.root.isRemoved {
                    continue
                }
            }
            if let synced, fsync(synced.number) != 0 { throw .errno(errno) }
            return info
        }
        throw .errno(EBUSY)
    }

    private func prepare(
        _ file: TemporaryFile,
        permissions: UInt32,
        _ durability: WriteOptions.Durability
    ) throws(DirectoryAccess.Failure) {
        guard fchmod(file.descriptor.number, permissions & 0o777) == 0 else { throw .errno(errno) }
        let status: Int32 =
            switch durability {
            case .none: 0
            case .data: fdatasync(file.descriptor.number)
            case .full: fsync(file.descriptor.number)
            }
        guard status == 0 else { throw .errno(errno) }
    }

    static let maximumRetries = 64
}

/// Where a path leads when it is written.
struct WritePlace {
    let parent: FileDescriptorHandle
    let name: [UInt8]
    /// The regular file that is there, if any.
    let old: Glibc.stat?
}

extension LocalFiles {
    /// The directory and name that a path means when it is written, with its parents made and links followed. Only a
    /// regular file that the org's user may write to may be there already; with `createOnly`, nothing.
    func place(of path: WorkspacePath, mode: WriteOptions.Mode) throws(DirectoryAccess.Failure) -> WritePlace {
        var path = path
        for _ in 0..<Self.maximumRetries {
            guard !path.isRoot else { throw .errno(EISDIR) }
            let (parent, name) = try openParentMakingIt(path)
            guard let old = try parent.status(of: name) else { return WritePlace(parent: parent, name: name, old: nil) }
            guard mode != .createOnly else { throw .errno(EEXIST) }
            switch old.st_mode & S_IFMT {
            case S_IFREG:
                // To replace a file takes permissions on its directory only. One that may not be written stays.
                if mode == .replace { try parent.checkWritable(name) }
                return WritePlace(parent: parent, name: name, old: old)
            case S_IFDIR: throw .errno(EISDIR)
            case S_IFLNK: path = try access.resolve(path, followLast: true)
            default: throw .errno(ENXIO)
            }
        }
        throw .errno(ELOOP)
    }

    private func openParentMakingIt(
        _ path: WorkspacePath
    ) throws(DirectoryAccess.Failure) -> (directory: FileDescriptorHandle, name: [UInt8]) {
        do throws(DirectoryAccess.Failure) {
            return try access.openParent(path)
        } catch .errno(ENOENT) {
            guard let parent = path.parentAndName?.parent else { throw .errno(EISDIR) }
            try access.makeDirectories(parent)
            return try access.openParent(path)
        }
    }
}

extension FileDescriptorHandle {
    /// Writes all of it, from `offset` on.
    fileprivate func write(_ bytes: ByteBuffer, at offset: UInt64) throws(DirectoryAccess.Failure) {
        var rest = bytes
        var offset = off_t(offset)
        while rest.readableBytes > 0 {
            let count = rest.withUnsafeReadableBytes { pwrite(number, $0.baseAddress, $0.count, offset) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .errno(errno) }
            rest.moveReaderIndex(forwardBy: count)
            offset += off_t(count)
        }
    }

    /// Whether the thread's user may write to a file in this directory.
    fileprivate func checkWritable(_ name: [UInt8]) throws(DirectoryAccess.Failure) {
        let flags = AT_EACCESS | AT_SYMLINK_NOFOLLOW
        guard name.withCString({ faccessat(number, $0, W_OK, flags) }) == 0 || errno == ENOENT else {
            throw .errno(errno)
        }
    }

    /// The same directory, open in a way that it can be synced: one that is open as a path cannot.
    fileprivate func openToSync() throws(DirectoryAccess.Failure) -> FileDescriptorHandle {
        let descriptor = openat(number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .errno(errno) }
        return FileDescriptorHandle(owning: descriptor)
    }
}
