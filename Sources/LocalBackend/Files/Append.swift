internal import AgentBackend
internal import CLinux
internal import Glibc
internal import Synchronization

extension LocalFiles {
    /// Adds what was written to the end of a file, in one piece with regard to other appends through any backend of
    /// this process. What fails half way is taken back.
    func append(
        _ file: TemporaryFile,
        to name: [UInt8],
        in parent: FileDescriptorHandle,
        durability: WriteOptions.Durability
    ) throws(DirectoryAccess.Failure) -> FileInfo {
        let flags = UInt64(O_WRONLY | O_NONBLOCK | O_NOCTTY) | linux_o_nofollow
        let descriptor = name.withCString {
            linux_openat2(parent.number, $0, flags, 0, linux_resolve_beneath | linux_resolve_no_magiclinks)
        }
        guard descriptor >= 0 else { throw .errno(-descriptor) }
        let target = FileDescriptorHandle(owning: descriptor)
        let added = UInt64(clamping: try file.descriptor.status().st_size)
        let status = try target.status()
        guard status.st_mode & S_IFMT == S_IFREG else { throw .errno(ENXIO) }
        return try AppendLocks.shared.withLock(device: status.st_dev, inode: status.st_ino) {
            () throws(DirectoryAccess.Failure) in
            let end = UInt64(clamping: try target.status().st_size)
            guard end + added <= limits.maximumFileBytes else { throw .errno(EFBIG) }
            do throws(DirectoryAccess.Failure) {
                try file.descriptor.copyAll(to: target, at: end)
                if durability != .none, fdatasync(target.number) != 0 { throw .errno(errno) }
            } catch {
                _ = ftruncate(target.number, off_t(end))
                throw error
            }
            file.remove()
            return FileInfo(try target.status())
        }
    }
}

extension FileDescriptorHandle {
    fileprivate func copyAll(to target: FileDescriptorHandle, at end: UInt64) throws(DirectoryAccess.Failure) {
        var from: off_t = 0
        var to = off_t(end)
        while true {
            let count = linux_copy_file_range(number, &from, target.number, &to, 1 << 30)
            if count == -ssize_t(EINTR) { continue }
            guard count >= 0 else { throw .errno(Int32(-count)) }
            if count == 0 { return }
        }
    }
}

/// One lock per file that is appended to, for as long as anybody appends. A fixed number of locks serves all files;
/// two that share one wait for each other, and nothing else.
private final class AppendLocks: Sendable {
    static let shared = AppendLocks()

    private let locks: [AppendLock] = (0..<256).map { _ in AppendLock() }

    func withLock<Value>(
        device: dev_t,
        inode: ino_t,
        _ body: () throws(DirectoryAccess.Failure) -> Value
    ) throws(DirectoryAccess.Failure) -> Value {
        let lock = locks[Int(truncatingIfNeeded: (inode &+ device &* 31) % UInt(locks.count))]
        return try lock.mutex.withLock { _ throws(DirectoryAccess.Failure) in try body() }
    }

    private final class AppendLock: Sendable {
        let mutex = Mutex(())
    }
}
