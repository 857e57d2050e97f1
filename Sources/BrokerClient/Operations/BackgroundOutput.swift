public import AgentBackend
internal import BrokerWire
public import NIOCore
internal import Synchronization

/// What a command in the background does, in order.
public enum BackgroundEvent: Sendable {
    /// Bytes, the first of which is that at the offset of the stream.
    case output(CommandStream, offset: UInt64, ByteBuffer)
    /// Bytes that the broker keeps no more: they were written faster than they were read, or long ago.
    case missing(CommandStream, Range<UInt64>)
    /// No process of it is left, and all that it wrote came before or is missing. The last event.
    case ended(ExecEnd)
}

/// What a command in the background writes, from an offset on, as a sequence for one task; it ends after
/// ``BackgroundEvent/ended(_:)``.
///
/// The broker sends no more than the window of a call ahead of what is read, and the command does not wait for slow
/// readers. Cancelling the reading task, or letting go of this, does nothing to the command. Where the connection is lost
/// the next event is `CONNECTION_CLOSED`: attach again from ``position``.
public final class BackgroundOutput: AsyncSequence, Sendable {
    public typealias Element = BackgroundEvent
    public typealias Failure = BackendError

    /// As it was when this was attached.
    public let info: BackgroundCommandInfo

    private let call: ClientCall
    private let next: Mutex<StreamOffsets>

    /// Returns when the broker has found the command.
    init(_ call: ClientCall, from offsets: StreamOffsets) async throws(BackendError) {
        guard let part = try await call.next(), !part.isLast, case .execAttached(let info) = part.reply else {
            throw await call.strangeAnswer()
        }
        self.call = call
        self.info = info
        next = Mutex(offsets)
    }

    /// Where to attach again: behind the last event, in each stream.
    public var position: StreamOffsets { next.withLock { $0 } }

    /// The next event; nil after the last.
    public func next() async throws(BackendError) -> BackgroundEvent? {
        guard let part = try await call.next() else { return nil }
        switch part.reply {
        case .execOutput(let output) where !part.isLast:
            next.withLock { $0[output.stream] = output.offset &+ UInt64(part.payload.readableBytes) }
            return .output(output.stream, offset: output.offset, part.payload)
        case .execGap(let gap) where !part.isLast:
            next.withLock { $0[gap.stream] = gap.missing.upperBound }
            return .missing(gap.stream, gap.missing)
        case .execEnd(let reply) where part.isLast:
            return .ended(reply.end)
        default:
            throw await call.strangeAnswer()
        }
    }

    /// Reads no more. The command goes on. Idempotent.
    public func close() async {
        await call.cancelAndWait()
    }

    public func makeAsyncIterator() -> Iterator { Iterator(output: self) }

    public struct Iterator: AsyncIteratorProtocol {
        let output: BackgroundOutput

        public func next() async throws(BackendError) -> BackgroundEvent? { try await output.next() }

        public func next(isolation actor: isolated (any Actor)?) async throws(BackendError) -> BackgroundEvent? {
            try await output.next()
        }
    }
}
