internal import NIOCore
internal import Synchronization

/// How much of what a command writes is handed on, both streams together. Safe to use from any thread.
final class OutputBudget: Sendable {
    private let rest: Mutex<UInt64>

    /// Nil: all of it.
    init(_ maximum: UInt64?) {
        rest = Mutex(maximum ?? .max)
    }

    /// What still fits: its beginning.
    func take(_ bytes: ByteBuffer) -> ByteBuffer {
        rest.withLock { rest in
            let count = Int(min(rest, UInt64(bytes.readableBytes)))
            rest -= UInt64(count)
            return bytes.getSlice(at: bytes.readerIndex, length: count) ?? ByteBuffer()
        }
    }
}
