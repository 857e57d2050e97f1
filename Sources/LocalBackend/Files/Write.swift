internal import AgentBackend
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
        let file = try makeTemporaryFile(permissions: options.permissions)
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
