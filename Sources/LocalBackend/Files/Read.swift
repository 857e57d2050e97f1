internal import AgentBackend
internal import CLinux
internal import Glibc
internal import NIOCore

extension LocalFiles {
    /// Opens a regular file. Anything else is refused before it can make a reader wait: a FIFO, a device.
    func openForReading(
        _ path: WorkspacePath
    ) throws(DirectoryAccess.Failure) -> (descriptor: FileDescriptorHandle, info: FileInfo) {
        let flags = UInt64(O_RDONLY | O_NONBLOCK | O_NOCTTY)
        let descriptor = try access.open(path, flags: flags)
        let info = FileInfo(try descriptor.status())
        switch info.kind {
        case .regular: return (descriptor, info)
        case .directory: throw .errno(EISDIR)
        default: throw .errno(ENXIO)
        }
    }

    /// A whole range that is in the page cache; more than `maximum` bytes would block.
    func readCached(
        _ path: WorkspacePath,
        range: ReadRange,
        maximum: Int
    ) throws(DirectoryAccess.Failure) -> (FileInfo, ByteBuffer) {
        let (descriptor, info) = try openForReading(path)
        let span = range.span(ofFileWith: info.size)
        guard span.count <= maximum else { throw .wouldBlock }
        var contents = ByteBufferAllocator().buffer(capacity: Int(span.count))
        let read = contents.writeWithUnsafeMutableBytes(minimumWritableBytes: Int(span.count)) { memory in
            max(0, linux_pread_nowait(descriptor.number, memory.baseAddress, Int(span.count), off_t(span.offset)))
        }
        guard read == Int(span.count) else { throw .wouldBlock }
        return (info, contents)
    }
}

extension ReadRange {
    /// The part of it that a file of `size` bytes has.
    func span(ofFileWith size: UInt64) -> (offset: UInt64, count: UInt64) {
        let start = min(offset, size)
        return (start, min(length ?? .max, size - start))
    }
}
