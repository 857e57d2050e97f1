internal import AgentBackend
internal import DequeModule
internal import NIOCore

/// What has arrived of a command's two output streams and was not read yet, and who waits for more of each. The broker
/// gets credit for what was read only, so that both together hold no more than the window of a call.
///
/// Knows no call, task or lock; ``RemoteCommand`` drives it. `Reader` is whoever waits for output, `EndWaiter` whoever
/// waits for the end.
struct CommandOutputStateMachine<Reader: Sendable, EndWaiter: Sendable>: Sendable {
    enum End: Sendable {
        /// All of its output has arrived.
        case ended(ExecEnd)
        /// There will be no more of it.
        case failed(BackendError)
    }

    private struct Stream: Sendable {
        var unread = UnreadOutput()
        var reader: (id: UInt64, reader: Reader)?
    }

    private var output = Stream()
    private var error = Stream()
    /// Bytes of both streams.
    private(set) var unreadCount = 0
    private var end: End?
    private var endWaiters: [EndWaiter] = []
    private var isTerminated = false

    // MARK: Events of the call

    /// Returns the reader to wake.
    mutating func received(_ bytes: ByteBuffer, _ stream: CommandStream) -> Reader? {
        guard bytes.readableBytes > 0 else { return nil }
        unreadCount += bytes.readableBytes
        return change(stream) { stream in
            stream.unread.append(bytes)
            return stream.reader.take()?.reader
        }
    }

    /// The call has ended. Returns all who wait; nil: it had ended before.
    mutating func ended(_ end: End) -> (readers: [Reader], waiters: [EndWaiter], end: ExecEnd)? {
        guard self.end == nil else { return nil }
        self.end = settled(end)
        defer { endWaiters = [] }
        let readers = CommandStream.allCases.compactMap { change($0) { $0.reader.take()?.reader } }
        return (readers, endWaiters, execEnd ?? .unknown)
    }

    /// The command is to be ended: when the broker says that it is, that is no failure.
    mutating func terminated() {
        isTerminated = true
    }

    // MARK: Events of readers

    enum ReadAction {
        case bytes(ByteBuffer)
        case end
        case fail(BackendError)
        case wait
    }

    /// `reader` is kept where it has to wait.
    mutating func read(_ stream: CommandStream, upTo count: Int, id: UInt64, reader: Reader) -> ReadAction {
        if let bytes = change(stream, { $0.unread.take(upTo: max(1, count)) }) {
            unreadCount -= bytes.readableBytes
            return .bytes(bytes)
        }
        switch end {
        case .ended: return .end
        case .failed(let error): return .fail(error)
        case nil:
            let isFree = change(stream) { stream in
                guard stream.reader == nil else { return false }
                stream.reader = (id, reader)
                return true
            }
            return isFree ? .wait : .fail(.streamIsRead)
        }
    }

    /// A reader waits no more. Nil: it was woken before.
    mutating func cancelled(_ stream: CommandStream, id: UInt64) -> Reader? {
        change(stream) { stream in
            guard let waiting = stream.reader, waiting.id == id else { return nil }
            stream.reader = nil
            return waiting.reader
        }
    }

    /// How the command ended; nil: `waiter` is kept until it has.
    mutating func wait(_ waiter: EndWaiter) -> ExecEnd? {
        if execEnd == nil { endWaiters.append(waiter) }
        return execEnd
    }

    // MARK: Parts

    private var execEnd: ExecEnd? {
        switch end {
        case .ended(let end): end
        case .failed: .unknown
        case nil: nil
        }
    }

    private func settled(_ end: End) -> End {
        if isTerminated, case .failed(let error) = end, error.code == .cancelled { return .ended(.unknown) }
        return end
    }

    private mutating func change<Value>(_ stream: CommandStream, _ body: (inout Stream) -> Value) -> Value {
        switch stream {
        case .standardOutput: body(&output)
        case .standardError: body(&error)
        }
    }
}

/// What was written to one stream and not read.
private struct UnreadOutput: Sendable {
    private var pieces: Deque<ByteBuffer> = []

    /// Small pieces are gathered: many of them would need far more memory than the credit that they draw.
    mutating func append(_ bytes: ByteBuffer) {
        guard bytes.readableBytes <= smallPiece else { return pieces.append(bytes) }
        if var last = pieces.popLast() {
            if last.readableBytes + bytes.readableBytes <= smallPiece {
                last.writeImmutableBuffer(bytes)
                return pieces.append(last)
            }
            pieces.append(last)
        }
        // A copy: what else arrived with it is not kept alive.
        pieces.append(ByteBuffer(buffer: bytes))
    }

    mutating func take(upTo count: Int) -> ByteBuffer? {
        guard var first = pieces.popFirst() else { return nil }
        let bytes = first.readSlice(length: min(count, first.readableBytes))
        if first.readableBytes > 0 { pieces.prepend(first) }
        return bytes
    }

    private var smallPiece: Int { 16 << 10 }
}

extension ExecEnd {
    /// Of a command of which nothing more is heard: the broker ends it, if it has not.
    fileprivate static let unknown = ExecEnd(outcome: .cancelled, usage: Usage(wall: .zero))
}

extension BackendError {
    fileprivate static let streamIsRead = BackendError(
        .conflict,
        message: "another task reads this stream: read it from one",
        operation: "exec"
    )
}
