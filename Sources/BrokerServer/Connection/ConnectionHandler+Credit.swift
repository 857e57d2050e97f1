internal import AgentBackend
internal import BrokerWire
internal import NIOCore

/// Credit of answers: who may send how much, and who waits for it.
extension ConnectionHandler: CreditSource {
    func takeCredit(stream: UInt64, upTo count: Int, _ available: () -> Int) async throws(BackendError) -> Int {
        var hasWaited = false
        // One sender is woken at a time: whoever was wakes the next, also where it takes nothing itself.
        defer { if hasWaited { wakeSender() } }
        while true {
            try checkIsAwaited(stream)
            let credit = min(count, available(), sendWindow.credit, settings.largestPiece)
            if credit > 0, hasRoom {
                sendWindow.sent(credit)
                reserved += credit
                return credit
            }
            guard !machine.isInputClosed || min(available(), sendWindow.allowed) > 0 else { throw Self.noMoreCredit }
            hasWaited = true
            await wait(stream, needsCredit: true)
        }
    }

    func takeRoom(stream: UInt64) async throws(BackendError) -> Int {
        var hasWaited = false
        defer { if hasWaited { wakeSender() } }
        while true {
            try checkIsAwaited(stream)
            if hasRoom {
                reserved += Self.longAnswer
                return Self.longAnswer
            }
            hasWaited = true
            await wait(stream, needsCredit: false)
        }
    }

    /// Throws where nobody waits for the answer.
    private func checkIsAwaited(_ stream: UInt64) throws(BackendError) {
        eventLoop.assertInEventLoop()
        if let cause = calls[stream]?.cause { throw cause }
        guard !machine.isClosed, !Task.isCancelled else {
            throw BackendError(.connectionClosed, message: "nobody waits for the answer any more")
        }
    }

    private func wait(_ stream: UInt64, needsCredit: Bool) async {
        let id = creditWaiters.makeID()
        await withTaskCancellationHandler {
            await withCheckedContinuation {
                creditWaiters.add(
                    id,
                    CreditWaiters.Waiter(stream: stream, needsCredit: needsCredit, continuation: $0)
                )
            }
        } onCancel: {
            eventLoop.execute { self.creditWaiters.remove(id)?.continuation.resume() }
        }
    }

    /// The peer takes what it is sent, and not too much is on its way to it.
    private var hasRoom: Bool { !sendWindow.isSuspended && reserved < settings.maximumUnsent }

    /// Bytes of an answer that draws no credit and may be long: names of a directory, keys.
    private static var longAnswer: Int { 256 << 10 }

    func returnCredit(_ bytes: Int) {
        sendWindow.unsent(bytes)
        reserved -= bytes
        wakeSender()
    }

    func returnRoom(_ bytes: Int) {
        reserved -= bytes
        wakeSender()
    }

    /// Nobody can give credit any more: those that wait for it hear so.
    func inputEnded() {
        for waiter in creditWaiters.takeAll() { waiter.continuation.resume() }
    }

    /// The peer has not taken what waits to be written: payloads wait too, or they would all be kept here.
    func suspendSenders() {
        sendWindow.suspend()
    }

    func resumeSenders() {
        sendWindow.resume()
        backlog = 0
        wakeSender()
    }

    private func wakeSender() {
        guard hasRoom, !creditWaiters.isEmpty else { return }
        let next = creditWaiters.takeFirst { waiter in
            guard waiter.needsCredit else { return true }
            return sendWindow.credit > 0 && calls[waiter.stream]?.stream.maySend ?? false
        }
        next?.continuation.resume()
    }

    private static var noMoreCredit: BackendError {
        BackendError(
            .connectionClosed,
            message: "the answer is longer than the credit that the caller gave before it closed its side of the "
                + "connection: keep it open"
        )
    }

    func send(_ id: UInt64, _ body: ServerFrame.Body, _ payload: ByteBuffer, isLast: Bool) {
        allowance.bytes += payload.readableBytes
        if allowance.bytes >= CallAllowance.maximumBytes, let session { settle(session) }
        send(ServerFrame(id: id, last: isLast, body: body, payload: payload))
        let wasFull = reserved >= settings.maximumUnsent
        reserved -= payload.readableBytes
        if wasFull { wakeSender() }
    }

    func grant(_ bytes: Int, stream: UInt64) {
        guard machine.isOpen else { return }
        send(ServerFrame(id: 0, body: .window(stream: stream, bytes: UInt64(bytes))))
    }

    /// The peer gave credit.
    func receiveCredit(stream: UInt64, bytes: UInt64) {
        // Of a call that has ended: too late, and harmless.
        let isSound = stream == 0 ? sendWindow.granted(bytes) : calls[stream]?.stream.granted(bytes) ?? true
        guard isSound else {
            return fail(BackendError(.protocolError, message: "more than 2^62 bytes of credit: give what you can take"))
        }
        wakeSender()
    }
}
