internal import Glibc

/// Room that one piece of a file after the other is read into.
struct ReadBuffer: ~Copyable {
    fileprivate let memory: UnsafeMutableRawBufferPointer

    /// - Parameter capacity: Bytes.
    init(capacity: Int) {
        memory = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 64)
    }

    deinit {
        memory.deallocate()
    }
}

/// Reads a file in pieces that are whole lines, each of them once. Of one that grows no more is read than it had at the
/// start. A line that is longer than the room for a piece is given as several.
struct SearchedLines: Sendable {
    private let descriptor: FileDescriptorHandle
    private let size: Int
    private var offset = 0

    init(_ descriptor: FileDescriptorHandle) throws(DirectoryAccess.Failure) {
        self.descriptor = descriptor
        size = Int(clamping: try descriptor.status().st_size)
    }

    /// Calls `body` with the next piece, if there is one. True: it was the last.
    mutating func read(
        into buffer: inout ReadBuffer,
        _ body: (UnsafeRawBufferPointer) -> Void
    ) throws(DirectoryAccess.Failure) -> Bool {
        let wanted = min(buffer.memory.count, size - offset)
        guard wanted > 0 else { return true }
        var count = pread(descriptor.number, buffer.memory.baseAddress, wanted, off_t(offset))
        while count < 0, errno == EINTR {
            count = pread(descriptor.number, buffer.memory.baseAddress, wanted, off_t(offset))
        }
        guard count >= 0 else { throw .errno(errno) }
        // It became shorter.
        guard count > 0 else { return true }
        var piece = UnsafeRawBufferPointer(rebasing: buffer.memory[..<count])
        let isLast = offset + count >= size
        // What is behind the last newline is read again, with the rest of its line.
        if !isLast, let newline = piece.lastIndex(of: UInt8(ascii: "\n")) {
            piece = UnsafeRawBufferPointer(rebasing: piece[...newline])
        }
        offset += piece.count
        body(piece)
        return isLast
    }
}
