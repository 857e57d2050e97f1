package import AgentBackend
package import BrokerWire
package import NIOCore

/// What a transport hands calls to. The wire knows this protocol and not the router behind it.
///
/// An actor that runs on the transport's event loop: a read batch is handed over inside one isolation check.
package protocol RequestHandler: Actor {
    /// Calls `body` isolated to this actor, on whose event loop the caller is: once for a whole read batch.
    nonisolated func inIsolation(_ body: @Sendable (isolated any RequestHandler) -> Void)

    /// Answers a call on the spot, or says how it goes on. Does not wait.
    func attempt(_ call: Call, in session: Session) -> Attempt

    /// Ends a read batch: attempts the calls that were put off, all at once, and tells `finish` what became of each.
    func finishBatch(
        in session: Session,
        _ finish: @Sendable (isolated any RequestHandler, Call, Attempt) -> Void
    )

    /// Carries out a call that waits. Cancelling the task stops its effects before this returns.
    nonisolated func perform(
        _ call: Call,
        in session: Session,
        stream: any CallStream
    ) async throws(BackendError) -> Answer

    /// The token of the session may allow something else from now on. On the session's event loop.
    nonisolated func sessionRenewed(_ session: Session, _ principal: Principal)

    /// The session's transport is gone, and every call of it has ended.
    nonisolated func sessionEnded(_ session: Session)
}

/// A call as the router sees it.
package struct Call: Sendable {
    package let id: UInt64
    package let target: Target?
    package let options: CallOptions
    package let operation: Operation
    /// The first bytes that came with it.
    package var payload: ByteBuffer
    /// Nothing more comes from the caller.
    package let isWhole: Bool
    /// Bytes of the message that it came in.
    package let size: Int

    package init(
        id: UInt64,
        target: Target?,
        options: CallOptions,
        operation: Operation,
        payload: ByteBuffer,
        isWhole: Bool,
        size: Int
    ) {
        self.id = id
        self.target = target
        self.options = options
        self.operation = operation
        self.payload = payload
        self.isWhole = isWhole
        self.size = size
    }
}

/// The final answer to a call.
package struct Answer: Sendable {
    /// Nil: the last piece of a stream that was begun.
    package var reply: Reply?
    package var payload: ByteBuffer
    /// Of a command, for its record.
    package var outputs: CommandOutputTally?
    /// Of all pieces of a stream, for its record. Nil: there is none but the payload.
    package var streamedBytes: UInt64?

    package init(
        _ reply: Reply?,
        payload: ByteBuffer = ByteBuffer(),
        outputs: CommandOutputTally? = nil,
        streamedBytes: UInt64? = nil
    ) {
        self.reply = reply
        self.payload = payload
        self.outputs = outputs
        self.streamedBytes = streamedBytes
    }
}

/// What became of a call on the spot.
package enum Attempt: Sendable {
    case done(Answer)
    case failed(BackendError)
    /// It is attempted at the end of the batch, with others of its kind.
    case putOff
    /// It has to wait: ask ``RequestHandler/perform(_:in:stream:)``.
    case wait
}

/// The way between a call that waits and its caller. Used on the event loop of its session.
package protocol CallStream: Sendable {
    /// The next bytes of the caller, those that came with the call first; nil after the last. Asking for the next ones
    /// gives the caller credit for more.
    func receive() async throws(BackendError) -> ByteBuffer?

    /// What the caller sends is bounded by the stream's credit alone from now on: for a call that may never take it, and
    /// of which there are few. The connection's credit is given back on arrival, and such calls hold up no others.
    func leaveConnectionCredit()

    /// Waits for the caller's credit and returns how many bytes, at most `count`, the next ``send(_:payload:)`` may
    /// have without waiting. Asked first, nothing has to be kept for a caller that reads slowly.
    func reserve(upTo count: Int) async throws(BackendError) -> Int

    /// Sends a part of the answer; nil is the next piece of what was begun. Waits for the caller's credit, and splits
    /// the payload where there is less of it.
    func send(_ reply: Reply?, payload: ByteBuffer) async throws(BackendError)

    /// The slot that the call has, for something that goes on when it is answered. Nil: it has none.
    func keepSlot() -> HeldSlot?

    /// Ends the call from outside: it is cancelled, and its caller is told the error. Does not wait; from any thread.
    func cancel(_ error: BackendError)
}
