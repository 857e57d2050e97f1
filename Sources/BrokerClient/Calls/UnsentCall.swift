internal import AgentBackend
internal import BrokerWire
internal import NIOCore

/// A call that no connection has, or that is to be made again on another.
struct UnsentCall: Sendable {
    let inbox: CallInbox
    var request: CallRequest
    /// When it ends, wherever it is. Nil: never.
    let deadline: NIODeadline?
    /// Bytes that wait to be sent with it and after it.
    var writes: [CallWrite]
    /// How often it was sent and may have begun.
    var repeats = 0
    /// The run of the broker that may have begun it. Nil: none.
    var begunBy: UInt64?

    init(_ inbox: CallInbox, _ request: CallRequest, at now: NIODeadline) {
        self.init(inbox, request, deadline: request.options.deadline.map { now + TimeAmount($0) })
    }

    /// With the bytes that it began with.
    init(_ inbox: CallInbox, _ request: CallRequest, deadline: NIODeadline?) {
        self.inbox = inbox
        self.request = request
        self.deadline = deadline
        writes = []
        guard request.takesStream, request.isWhole || request.payload.readableBytes > 0 else { return }
        writes.append(CallWrite(id: 0, bytes: request.payload, isLast: request.isWhole, waiter: nil))
    }

    /// It will not be made.
    func fail(_ error: BackendError) {
        inbox.fail(error)
        for write in writes { write.end(.ended) }
    }
}

extension CallWrite {
    /// Whoever waits for it waits no more.
    func end(_ outcome: ClientCall.SendOutcome) {
        waiter?.resume(returning: outcome)
    }
}

extension CallOptions {
    /// With the time that is left until `deadline`.
    func withTime(until deadline: NIODeadline?, at now: NIODeadline) -> CallOptions {
        guard let deadline, let special else { return self }
        return CallOptions(
            lane: lane,
            Special(
                // Below a millisecond is not none.
                deadline: max(.milliseconds(1), .nanoseconds((deadline - now).nanoseconds)),
                queueDeadline: special.queueDeadline,
                requires: special.requires,
                traceparent: special.traceparent,
                idempotencyKey: special.idempotencyKey
            )
        )
    }

    func withIdempotencyKey(_ key: String) -> CallOptions {
        CallOptions(
            lane: lane,
            Special(
                deadline: special?.deadline,
                queueDeadline: special?.queueDeadline,
                requires: (special?.requires ?? []) + [Feature.idempotencyKeys.rawValue],
                traceparent: special?.traceparent ?? "",
                idempotencyKey: key
            )
        )
    }
}

extension BackendError {
    static let mayBeDoneByAnother = BackendError(
        .connectionClosed,
        message: "the broker was restarted before it answered: look at what the call was to change, and make it again",
        maybeExecuted: true
    )
}
