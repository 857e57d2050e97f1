internal import AgentBackend
internal import BrokerWire
internal import NIOCore

/// Credit of answers: who may send how much, and who waits for it.
extension ConnectionHandler: CreditSource {
    func credit(stream: UInt64, _ available: () -> Int) async throws(BackendError) -> Int {
        while true {
            eventLoop.assertInEventLoop()
            if let cause = calls[stream]?.cause { throw cause }
            guard !machine.isClosed, !Task.isCancelled else {
                throw BackendError(.connectionClosed, message: "nobody waits for the answer any more")
            }
            let credit = min(available(), flow.sendCredit, ConnectionLimits.largestPiece)
            if credit > 0 { return credit }
            let id = creditWaiters.makeID()
            await withTaskCancellationHandler {
                await withCheckedContinuation {
                    creditWaiters.add(id, CreditWaiters.Waiter(stream: stream, continuation: $0))
                }
            } onCancel: {
                eventLoop.execute { self.creditWaiters.remove(id)?.continuation.resume() }
            }
        }
    }

    func send(_ id: UInt64, _ body: ServerFrame.Body, _ payload: ByteBuffer, isLast: Bool) {
        flow.sent(payload.readableBytes)
        send(ServerFrame(id: id, last: isLast, body: body, payload: payload))
    }

    func grant(_ bytes: Int, stream: UInt64) {
        guard machine.isOpen else { return }
        send(ServerFrame(id: 0, body: .window(stream: stream, bytes: UInt64(bytes))))
    }

    /// The peer gave credit.
    func receiveCredit(stream: UInt64, bytes: UInt64) {
        // Of a call that has ended: too late, and harmless.
        let isSound = stream == 0 ? flow.granted(bytes) : calls[stream]?.stream.granted(bytes) ?? true
        guard isSound else {
            return fail(BackendError(.protocolError, message: "more than 2^62 bytes of credit: give what you can take"))
        }
        while flow.sendCredit > 0, let waiter = creditWaiters.takeFirst(where: { calls[$0]?.stream.maySend ?? false }) {
            waiter.continuation.resume()
        }
    }
}

enum ConnectionLimits {
    /// Payload bytes that one frame carries at most: a large answer lets others in between.
    static let largestPiece = 256 << 10
}
