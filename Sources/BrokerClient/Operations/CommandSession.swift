public import AgentBackend
internal import BrokerWire
public import NIOCore

/// What a command does, in order: it started, wrote output, ended.
public enum CommandEvent: Sendable {
    /// How it is isolated: "none", "software", "landlock" or "bwrap".
    case started(isolation: String)
    case standardOutput(ByteBuffer)
    case standardError(ByteBuffer)
    /// No process of it is left, and all that it wrote came before. The last event.
    case ended(ExecEnd)
}

/// A command that runs, or will, on a broker.
///
/// A sequence of events for one task; it ends after ``CommandEvent/ended(_:)``, or throws what the command could not be
/// started for. A reader that stops reading stops the command at a full pipe; cancelling its task kills the command and
/// waits until it is gone. Another task may write to the command's standard input at the same time.
public final class CommandSession: AsyncSequence, Sendable {
    public typealias Element = CommandEvent
    public typealias Failure = BackendError

    private let call: ClientCall

    init(_ call: ClientCall) {
        self.call = call
    }

    /// The next event; nil after the last.
    public func next() async throws(BackendError) -> CommandEvent? {
        guard let part = try await call.next() else { return nil }
        switch part.reply {
        case .execStarted(let started) where !part.isLast:
            return .started(isolation: started.isolation)
        case .execOutput(let output) where !part.isLast:
            switch output.stream {
            case .standardOutput: return .standardOutput(part.payload)
            case .standardError: return .standardError(part.payload)
            }
        case .execEnd(let reply) where part.isLast:
            return .ended(reply.end)
        default:
            throw await call.strangeAnswer()
        }
    }

    /// Sends bytes to the command's standard input and waits while the broker takes no more of them. Bytes for a command
    /// that has ended, or closed its input, are dropped. Cancelling the task ends the wait with `CANCELLED`: some of the
    /// bytes may have been sent, and the command goes on.
    public func writeInput(_ bytes: ByteBuffer) async throws(BackendError) {
        guard bytes.readableBytes > 0 else { return }
        guard case .cancelled = await call.send(bytes, isLast: false) else { return }
        throw .inputCancelled
    }

    /// The command's standard input is at its end. Idempotent.
    public func closeInput() {
        call.endInput()
    }

    /// Sends a signal to every process of the command. Throws `NOT_FOUND` for one that has ended, or not started yet.
    public func signal(_ number: Int32) async throws(BackendError) {
        try await call.signal(number)
    }

    /// Changes the size of the command's terminal; its programs are told. Throws `NOT_FOUND` as ``signal(_:)``, and
    /// `INVALID_ARGUMENT` for a command without a terminal, or a size of 0.
    public func resizeTerminal(to size: TerminalSize) async throws(BackendError) {
        try await call.resizeTerminal(to: size)
    }

    /// Kills the command with its whole process tree and waits until it is gone, no longer than
    /// ``BrokerConnection/Configuration/cancelDeadline``. Of one that has ended: nothing happens.
    public func cancel() async {
        await call.cancelAndWait()
    }

    /// All of the standard input. Does not wait: it is in memory already.
    func sendInput(_ bytes: ByteBuffer) {
        call.enqueueInput(bytes)
    }

    /// Reads the events to their end and returns what the command wrote. Of each output stream at most
    /// `maximumOutputLength` bytes are kept, its beginning and its end; the command is never held up by that.
    public func collect(maximumOutputLength: Int = 10 << 20) async throws(BackendError) -> CommandResult {
        var isolation = ""
        var output = BoundedOutput(maximum: maximumOutputLength)
        var error = BoundedOutput(maximum: maximumOutputLength)
        while let event = try await next() {
            switch event {
            case .started(let level): isolation = level
            case .standardOutput(let bytes): output.append(bytes)
            case .standardError(let bytes): error.append(bytes)
            case .ended(let end):
                return CommandResult(standardOutput: output, standardError: error, isolation: isolation, end: end)
            }
        }
        throw await call.strangeAnswer()
    }

    public func makeAsyncIterator() -> Iterator { Iterator(session: self) }

    public struct Iterator: AsyncIteratorProtocol {
        let session: CommandSession

        public func next() async throws(BackendError) -> CommandEvent? { try await session.next() }

        public func next(isolation actor: isolated (any Actor)?) async throws(BackendError) -> CommandEvent? {
            try await session.next()
        }
    }
}

extension BackendError {
    static let inputCancelled = BackendError(
        .cancelled,
        message: "the wait to write to the command's input was cancelled: it may have got a part of the bytes",
        operation: "exec",
        maybeExecuted: true
    )
}
