internal import AgentBackend
internal import BrokerWire
internal import NIOCore

/// Where calls are made: one connection, or whichever there is. Safe to use from any thread.
protocol CallOrigin: AnyObject, Sendable {
    /// All that happens to its calls happens there.
    var eventLoop: any EventLoop { get }

    /// Takes a call. On the event loop.
    func begin(_ inbox: CallInbox, _ request: CallRequest)
}

/// What the typed calls are made of.
extension CallOrigin {
    /// Starts a call. Throws `CANCELLED` in a task that is cancelled already: then nothing was sent.
    func start(_ request: CallRequest) throws(BackendError) -> ClientCall {
        guard !Task.isCancelled else { throw .cancelledBeforeSent.during(request.operation.name) }
        return ClientCall(request, from: self)
    }

    /// A call with one frame in each direction.
    func perform<Value>(
        _ call: UnaryCall<Value>,
        on target: BrokerTarget?,
        call options: BrokerCallOptions
    ) async throws(BackendError) -> Value {
        let request = CallRequest(call.operation, on: target, options: options, payload: call.payload)
        guard let value = try call.value(try await start(request).onlyPart().reply) else {
            throw .strangeAnswer(to: call.operation.name)
        }
        return value
    }
}

/// An operation that is answered with one frame, and what is made of the answer.
struct UnaryCall<Value>: Sendable {
    let operation: Operation
    var payload = ByteBuffer()
    /// Nil: the answer is that of another operation.
    let value: @Sendable (Reply) throws(BackendError) -> Value?
}

extension ClientCall {
    /// The answer of a call that is answered with one frame.
    func onlyPart() async throws(BackendError) -> (reply: Reply, payload: ByteBuffer) {
        guard let part = try await next(), part.isLast, let reply = part.reply else { throw await strangeAnswer() }
        return (reply, part.payload)
    }

    /// The broker answered what does not belong here. Ends the call.
    func strangeAnswer() async -> BackendError {
        await cancelAndWait()
        return BackendError.strangeAnswer(to: operation)
    }
}

extension BackendError {
    static func strangeAnswer(to operation: String) -> BackendError {
        BackendError(
            .protocolError,
            message: "the broker's answer does not belong to the call: use client and broker of versions that fit",
            operation: operation,
            maybeExecuted: true
        )
    }

    static let cancelledBeforeSent = BackendError(
        .cancelled,
        message: "the call was cancelled before it was sent"
    )
}
