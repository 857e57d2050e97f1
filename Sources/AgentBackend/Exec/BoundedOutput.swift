import DequeModule
package import NIOCore

/// What a command wrote to one stream, as far as it fits: its beginning and its end, with a note between them that
/// says how much there was. A value; used by one task.
package struct BoundedOutput {
    private let maximum: Int
    private var head = ByteBuffer()
    /// The last bytes, in pieces; the first piece may be a rest.
    private var tail: Deque<ByteBuffer> = []
    private var tailCount = 0
    /// Bytes that were written in all.
    package private(set) var count: UInt64 = 0

    package init(maximum: Int) {
        self.maximum = max(0, maximum)
    }

    /// Half of what fits is the beginning.
    private var headLimit: Int { maximum - maximum / 2 }
    private var tailLimit: Int { maximum / 2 }

    package mutating func append(_ bytes: ByteBuffer) {
        var bytes = bytes
        count += UInt64(bytes.readableBytes)
        if let first = bytes.readSlice(length: min(headLimit - head.readableBytes, bytes.readableBytes)) {
            head.writeImmutableBuffer(first)
        }
        guard bytes.readableBytes > 0 else { return }
        tailCount += bytes.readableBytes
        tail.append(bytes)
        while tailCount > tailLimit, var oldest = tail.popFirst() {
            let surplus = min(tailCount - tailLimit, oldest.readableBytes)
            oldest.moveReaderIndex(forwardBy: surplus)
            tailCount -= surplus
            if oldest.readableBytes > 0 { tail.prepend(oldest) }
        }
    }

    /// Some of it did not fit.
    package var isCut: Bool { count > UInt64(maximum) }

    /// All of it, or its beginning, a note on a line of its own, and its end.
    package var contents: ByteBuffer {
        var contents = head
        if isCut {
            let dropped = count - UInt64(head.readableBytes + tailCount)
            contents.writeString("\n[\(dropped) of \(count) bytes left out]\n")
        }
        for piece in tail { contents.writeImmutableBuffer(piece) }
        return contents
    }
}
