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
        if options.mode == .append, let info = try append(bytes, to: path, options) { return info }
        try check(size: UInt64(bytes.readableBytes))
        let file = try makeTemporaryFile(
            permissions: options.permissions,
            keeping: UsageAmount(ofFileWith: UInt64(bytes.readableBytes))
        ) {
            replaced(at: path, options)
        }
        try file.descriptor.write(bytes, at: 0)
        return try commit(file, to: path, options: options)
    }

    /// Adds to a file in the making that has `size` bytes and is to have this path. Where it fails the file is as it was.
    func write(
        _ bytes: ByteBuffer,
        to file: TemporaryFile,
        at size: UInt64,
        _ path: WorkspacePath,
        _ options: WriteOptions
    ) throws(DirectoryAccess.Failure) {
        let newSize = size + UInt64(bytes.readableBytes)
        try check(size: newSize)
        try file.room?.grow(to: UsageAmount(ofFileWith: newSize)) { replaced(at: path, options) }
        do throws(DirectoryAccess.Failure) {
            try file.descriptor.write(bytes, at: size)
        } catch {
            _ = ftruncate(file.descriptor.number, off_t(size))
            throw error
        }
    }

    /// What a file that is written to this path will take the place of, as far as that can be told. Of one that it is
    /// added to what it holds stays.
    func replaced(at path: WorkspacePath, _ options: WriteOptions) -> UsageAmount {
        guard options.mode != .createOnly, let old = try? access.open(path, flags: linux_o_path).status() else {
            return UsageAmount()
        }
        return options.mode == .append ? UsageAmount(inodes: 1) : UsageAmount(old)
    }

    func check(size: UInt64) throws(DirectoryAccess.Failure) {
        guard size <= limits.maximumFileBytes else {
            throw .tooLarge(bytes: size, allowed: limits.maximumFileBytes)
        }
    }

    static let maximumRetries = 64
}

extension FileDescriptorHandle {
    /// Writes all of it, from `offset` on.
    func write(_ bytes: ByteBuffer, at offset: UInt64) throws(DirectoryAccess.Failure) {
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
}
