internal import AgentBackend
internal import CLinux
internal import Glibc
internal import NIOCore

extension LocalFiles {
    /// Opens a regular file. Anything else is refused before it can make a reader wait: a FIFO, a device.
    func openForReading(
        _ path: WorkspacePath
    ) throws(DirectoryAccess.Failure) -> (descriptor: FileDescriptorHandle, info: FileInfo) {
        let descriptor = try access.open(path, flags: DirectoryAccess.reading)
        return (descriptor, try FileInfo(readable: try descriptor.status()))
    }

    /// The same with the first bytes of a range of it.
    func beginReading(
        _ path: WorkspacePath,
        range: ReadRange
    ) throws(DirectoryAccess.Failure) -> LocalFileReader.Beginning {
        let (descriptor, info) = try openForReading(path)
        let span = range.span(ofFileWith: info.size)
        let count = Int(min(span.count, UInt64(LocalFileReader.maximumAhead)))
        let first = count == 0 ? ByteBuffer() : try descriptor.read(upTo: count, at: span.offset)
        return LocalFileReader.Beginning(descriptor: descriptor, info: info, first: first)
    }
}

extension DirectoryAccess {
    /// Of open(2): opening it makes nobody wait, whatever it is.
    fileprivate static let reading = UInt64(O_RDONLY | O_NONBLOCK | O_NOCTTY)

    /// A whole range that is in the page cache; more than `maximum` bytes would block.
    func readCached(
        _ path: WorkspacePath,
        range: ReadRange,
        maximum: Int
    ) throws(Failure) -> (FileInfo, ByteBuffer) {
        try withOpen(path, flags: Self.reading) { (number) throws(Failure) in
            let info = try FileInfo(readable: try Glibc.stat(of: number))
            let span = range.span(ofFileWith: info.size)
            guard span.count <= maximum else { throw .wouldBlock }
            let count = Int(span.count)
            var contents = ByteBufferAllocator().buffer(capacity: count)
            let read = contents.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { memory in
                max(0, linux_pread_nowait(number, memory.baseAddress, count, off_t(span.offset)))
            }
            guard read == count else { throw .wouldBlock }
            return (info, contents)
        }
    }
}

extension FileInfo {
    /// Of what was opened to be read: throws unless it is a regular file.
    fileprivate init(readable status: Glibc.stat) throws(DirectoryAccess.Failure) {
        switch status.kind {
        case .regular: self.init(status)
        case .directory: throw .errno(EISDIR)
        default: throw .errno(ENXIO)
        }
    }
}

extension FileDescriptorHandle {
    /// At most `count` bytes; none at the end.
    func read(upTo count: Int, at offset: UInt64) throws(DirectoryAccess.Failure) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: count)
        var failure: Int32 = 0
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { memory in
            while true {
                let read = pread(number, memory.baseAddress, count, off_t(offset))
                if read >= 0 { return read }
                guard errno == EINTR else {
                    failure = errno
                    return 0
                }
            }
        }
        guard failure == 0 else { throw .errno(failure) }
        return buffer
    }
}
