internal import AgentBackend
internal import CLinux
internal import Glibc
internal import NIOCore
internal import Synchronization

/// Adds to the end of a file, in one piece with regard to other appends through any backend of this process. The file
/// is open for appending, so that what a command adds at the same time is not overwritten. What fails half way is
/// taken back, unless a command added to it meanwhile.
extension LocalFiles {
    /// Adds bytes. Nil: there is no file yet.
    func append(
        _ bytes: ByteBuffer,
        to path: WorkspacePath,
        durability: WriteOptions.Durability
    ) throws(DirectoryAccess.Failure) -> FileInfo? {
        for _ in 0..<Self.maximumRetries {
            let place = try place(of: path, mode: .append)
            guard place.old != nil else { return nil }
            let count = UInt64(bytes.readableBytes)
            let info = try append(count, to: place, durability) { target, written throws(DirectoryAccess.Failure) in
                try target.append(bytes, &written)
            }
            if let info { return info }
        }
        throw .errno(EBUSY)
    }

    /// Adds what was written to a temporary file. Nil: the file is not there any more.
    func append(
        _ file: TemporaryFile,
        to place: WritePlace,
        durability: WriteOptions.Durability
    ) throws(DirectoryAccess.Failure) -> FileInfo? {
        let count = UInt64(clamping: try file.descriptor.status().st_size)
        return try append(count, to: place, durability) { target, written throws(DirectoryAccess.Failure) in
            while written < count {
                try cancellation.check()
                let piece = try file.descriptor.read(upTo: Self.pieceLength, at: written)
                guard piece.readableBytes > 0 else { throw .errno(EIO) }
                try target.append(piece, &written)
            }
        }
    }

    private func append(
        _ count: UInt64,
        to place: WritePlace,
        _ durability: WriteOptions.Durability,
        _ body: (FileDescriptorHandle, inout UInt64) throws(DirectoryAccess.Failure) -> Void
    ) throws(DirectoryAccess.Failure) -> FileInfo? {
        guard let target = try place.openForAppending() else { return nil }
        let status = try target.status()
        guard status.st_mode & S_IFMT == S_IFREG else { return nil }
        return try AppendLocks.shared.withLock(device: status.st_dev, inode: status.st_ino) {
            () throws(DirectoryAccess.Failure) in
            let end = UInt64(clamping: try target.status().st_size)
            try check(size: end + count)
            var written: UInt64 = 0
            do throws(DirectoryAccess.Failure) {
                try body(target, &written)
                if durability != .none, fdatasync(target.number) != 0 { throw .errno(errno) }
            } catch {
                target.takeBack(written, after: end)
                throw error
            }
            return FileInfo(try target.status())
        }
    }

    private static let pieceLength = 1 << 20
}

extension WritePlace {
    /// Nil: something else is there by now, or nothing.
    fileprivate func openForAppending() throws(DirectoryAccess.Failure) -> FileDescriptorHandle? {
        do throws(DirectoryAccess.Failure) {
            return try parent.open(name, flags: O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY)
        } catch .errno(ENOENT), .errno(ELOOP), .errno(EISDIR), .errno(ENXIO) {
            return nil
        }
    }
}

extension FileDescriptorHandle {
    /// Adds the bytes to `written` as they are written to a file that is open for appending.
    fileprivate func append(_ bytes: ByteBuffer, _ written: inout UInt64) throws(DirectoryAccess.Failure) {
        var rest = bytes
        while rest.readableBytes > 0 {
            let count = rest.withUnsafeReadableBytes { Glibc.write(number, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .errno(errno) }
            rest.moveReaderIndex(forwardBy: count)
            written += UInt64(count)
        }
    }

    fileprivate func takeBack(_ written: UInt64, after end: UInt64) {
        guard let size = try? status().st_size, size == off_t(end + written) else { return }
        _ = ftruncate(number, off_t(end))
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
