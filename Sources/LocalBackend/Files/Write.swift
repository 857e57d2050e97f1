internal import AgentBackend
internal import CLinux
internal import Glibc
internal import NIOCore

/// A file that is written where nobody sees it, until it takes its place. Removed when let go of before.
final class TemporaryFile: Sendable {
    let descriptor: FileDescriptorHandle
    let directory: FileDescriptorHandle
    let name: [UInt8]

    init(descriptor: FileDescriptorHandle, directory: FileDescriptorHandle, name: [UInt8]) {
        self.descriptor = descriptor
        self.directory = directory
        self.name = name
    }

    /// Idempotent.
    func remove() {
        _ = name.withCString { unlinkat(directory.number, $0, 0) }
    }
}

extension LocalFiles {
    func makeTemporaryFile() throws(DirectoryAccess.Failure) -> TemporaryFile {
        var generator = SystemRandomNumberGenerator()
        while true {
            let name = Array("w-\(String(generator.next(), radix: 36))".utf8)
            let descriptor = name.withCString {
                openat(temporary.number, $0, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
            }
            if descriptor >= 0 {
                let handle = FileDescriptorHandle(owning: descriptor)
                return TemporaryFile(descriptor: handle, directory: temporary, name: name)
            }
            guard errno == EEXIST else { throw .errno(errno) }
        }
    }

    /// Appends to a file in the making that has `size` bytes.
    func write(
        _ bytes: ByteBuffer,
        to file: FileDescriptorHandle,
        at size: UInt64
    ) throws(DirectoryAccess.Failure) {
        guard size + UInt64(bytes.readableBytes) <= limits.maximumFileBytes else { throw .errno(EFBIG) }
        var written = 0
        while written < bytes.readableBytes {
            let count = bytes.withUnsafeReadableBytes { memory in
                pwrite(
                    file.number,
                    memory.baseAddress.map { $0 + written },
                    memory.count - written,
                    off_t(size) + off_t(written)
                )
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .errno(errno) }
            written += count
        }
    }

    /// Gives a file that was written its place. `EEXIST` in mode `createOnly` where there is one.
    func commit(
        _ file: TemporaryFile,
        to path: WorkspacePath,
        options: WriteOptions
    ) throws(DirectoryAccess.Failure) -> FileInfo {
        // What stands at the path may change between looking and acting; each change is looked at again.
        for _ in 0..<Self.maximumRetries {
            let (parent, name, old) = try destination(path)
            switch (options.mode, old) {
            case (.createOnly, .some):
                throw .errno(EEXIST)
            case (.append, .some):
                return try append(file, to: name, in: parent, durability: options.durability)
            case (_, nil):
                try prepare(file, permissions: options.permissions, durability: options.durability)
                let info = FileInfo(try file.descriptor.status())
                do throws(DirectoryAccess.Failure) {
                    try file.moveToNewName(name, in: parent)
                } catch .errno(EEXIST) {
                    continue
                }
                try sync(parent, options.durability)
                return info
            case (.replace, .some(let old)):
                try prepare(file, permissions: old.st_mode, durability: options.durability)
                let info = FileInfo(try file.descriptor.status())
                guard try file.exchange(with: name, in: parent) else { continue }
                try sync(parent, options.durability)
                return info
            }
        }
        throw .errno(EBUSY)
    }

    /// The directory and name that a path means when it is written, with its parents made and links followed. Only a
    /// regular file may be there already.
    private func destination(
        _ path: WorkspacePath
    ) throws(DirectoryAccess.Failure) -> (parent: FileDescriptorHandle, name: [UInt8], old: Glibc.stat?) {
        var path = path
        for _ in 0..<Self.maximumRetries {
            guard !path.isRoot else { throw .errno(EISDIR) }
            let (parent, name) = try openParentMakingIt(path)
            guard let old = try parent.status(of: name) else { return (parent, name, nil) }
            switch old.st_mode & S_IFMT {
            case S_IFREG: return (parent, name, old)
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
            try makeDirectories(parent)
            return try access.openParent(path)
        }
    }

    private func prepare(
        _ file: TemporaryFile,
        permissions: UInt32,
        durability: WriteOptions.Durability
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

    private func sync(
        _ parent: FileDescriptorHandle,
        _ durability: WriteOptions.Durability
    ) throws(DirectoryAccess.Failure) {
        guard durability == .full else { return }
        // The parent is open as a path only, which cannot be synced.
        let descriptor = openat(parent.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .errno(errno) }
        let directory = FileDescriptorHandle(owning: descriptor)
        guard fsync(directory.number) == 0 else { throw .errno(errno) }
    }

    private static let maximumRetries = 64
}

extension TemporaryFile {
    fileprivate func moveToNewName(
        _ newName: [UInt8],
        in parent: FileDescriptorHandle
    ) throws(DirectoryAccess.Failure) {
        let status = name.withCString { from in
            newName.withCString { linux_rename_noreplace(directory.number, from, parent.number, $0) }
        }
        guard status == 0 else { throw .errno(-status) }
    }

    /// Swaps the file with the one that it replaces and removes that: ext4 writes a file to disk at once that is
    /// renamed over another, but not one that is exchanged. False: what was there is no regular file any more, and is
    /// back.
    fileprivate func exchange(
        with oldName: [UInt8],
        in parent: FileDescriptorHandle
    ) throws(DirectoryAccess.Failure) -> Bool {
        let status = swap(with: oldName, in: parent)
        if status == -ENOENT { return false }
        guard status == 0 else { throw .errno(-status) }
        if let old = try directory.status(of: name), old.st_mode & S_IFMT != S_IFREG {
            _ = swap(with: oldName, in: parent)
            return false
        }
        remove()
        return true
    }

    private func swap(with oldName: [UInt8], in parent: FileDescriptorHandle) -> Int32 {
        name.withCString { from in
            oldName.withCString { linux_rename_exchange(directory.number, from, parent.number, $0) }
        }
    }
}
