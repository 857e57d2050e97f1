internal import AgentBackend
internal import Glibc
internal import NIOCore

/// Adds to the end of a file, in one piece with regard to other appends through any backend of this process, whatever
/// name of the file they use. The file is open for appending, so that what a command adds at the same time is not
/// overwritten. What fails half way is taken back, unless a command added to it meanwhile.
extension LocalFiles {
    /// Adds bytes. Nil: there is no file yet.
    func append(
        _ bytes: ByteBuffer,
        to path: WorkspacePath,
        _ options: WriteOptions
    ) throws(DirectoryAccess.Failure) -> FileInfo? {
        for _ in 0..<Self.maximumRetries {
            let place = try place(of: path, options)
            guard place.old != nil else { return nil }
            let count = UInt64(bytes.readableBytes)
            let info = try place.withLock { () throws(DirectoryAccess.Failure) in
                try append(count, to: place, options, room: nil) { target, written throws(DirectoryAccess.Failure) in
                    try target.append(bytes, &written)
                }
            }
            if let info { return info }
        }
        throw .errno(EBUSY)
    }

    /// Adds what was written to a temporary file, to a place that the caller has locked. Nil: the file is not there any
    /// more.
    func append(
        _ file: TemporaryFile,
        to place: WritePlace,
        _ options: WriteOptions
    ) throws(DirectoryAccess.Failure) -> FileInfo? {
        let count = UInt64(clamping: try file.descriptor.status().st_size)
        return try append(count, to: place, options, room: file.room) {
            target,
            written throws(DirectoryAccess.Failure) in
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
        _ options: WriteOptions,
        room: UsageReservation?,
        _ body: (FileDescriptorHandle, inout UInt64) throws(DirectoryAccess.Failure) -> Void
    ) throws(DirectoryAccess.Failure) -> FileInfo? {
        guard let target = try place.openForAppending() else { return nil }
        let status = try target.status()
        guard status.kind == .regular else { return nil }
        return try FileLocks.shared.withLock(status.contentsLock) { () throws(DirectoryAccess.Failure) in
            let before = try target.status()
            if let expected = options.expectedEtag, before.etag != expected {
                throw .versionConflict(current: before.etag)
            }
            let end = UInt64(clamping: before.st_size)
            try check(size: end + count)
            let room = try roomToAppend(count, to: before, room)
            var written: UInt64 = 0
            var after = try access.usage.change(from: room) { change throws(DirectoryAccess.Failure) in
                do throws(DirectoryAccess.Failure) {
                    try body(target, &written)
                    if written > 0 { try target.markAppended() }
                    if options.durability != .none, fdatasync(target.number) != 0 { throw .errno(errno) }
                } catch {
                    target.takeBack(written, after: end)
                    throw error
                }
                let after = try target.status()
                change.grow(from: before, to: after)
                return after
            }
            // Also of what a command added meanwhile the caller must not be told that it was there when it wrote: this
            // is then no version that there is.
            after.st_size = off_t(end + written)
            return FileInfo(after)
        }
    }

    /// Keeps what the file will grow by.
    private func roomToAppend(
        _ count: UInt64,
        to before: Glibc.stat,
        _ room: UsageReservation?
    ) throws(DirectoryAccess.Failure) -> UsageReservation? {
        guard let usage = access.usage else { return nil }
        let needed = UsageAmount.allocated(UInt64(clamping: before.st_size) + count)
        // Of a file with holes what it has is less than its length.
        let growth = min(needed - min(needed, before.allocatedBytes), UsageAmount.allocated(count))
        guard let room else { return try usage.reserve(UsageAmount(bytes: growth)) }
        try room.grow(to: UsageAmount(bytes: growth))
        return room
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

    /// Makes what is there now a version of its own. Only the owner may; for others the kernel's own time has to do.
    fileprivate func markAppended() throws(DirectoryAccess.Failure) {
        do throws(DirectoryAccess.Failure) {
            try setModified(Generation.next())
        } catch .errno(EPERM) {
        }
    }

    fileprivate func takeBack(_ written: UInt64, after end: UInt64) {
        guard let size = try? status().st_size, size == off_t(end + written) else { return }
        _ = ftruncate(number, off_t(end))
    }
}
