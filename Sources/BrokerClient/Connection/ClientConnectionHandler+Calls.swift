internal import AgentBackend
internal import BrokerWire
internal import NIOCore

/// A call that is not yet answered to its end.
struct PendingCall {
    let inbox: CallInbox
    let request: CallRequest
    let deadline: NIODeadline?
    let repeats: Int
    let begunBy: UInt64?
    var isSent = false
    /// The broker was asked to end it.
    var isCancelled = false
    /// Ends the wait for an answer.
    var timer: Scheduled<Void>?

    init(_ call: UnsentCall) {
        inbox = call.inbox
        request = call.request
        deadline = call.deadline
        repeats = call.repeats
        begunBy = call.begunBy
    }
}

/// Calls, from their start to the end of their answer. All of it runs on the event loop.
extension ClientConnectionHandler: CallHolder {
    func accept(_ call: UnsentCall) {
        if let begunBy = call.begunBy, call.request.hasIdempotencyKey, begunBy != instance {
            return call.fail(.mayBeDoneByAnother)
        }
        do throws(BackendError) {
            try call.request.validate(limits)
            let id = try machine.newCall().get()
            call.inbox.id = id
            call.inbox.holder = self
            call.inbox.open(window: limits.streamWindow)
            calls[id] = PendingCall(call)
            if let deadline = call.deadline { startTimer(deadline, of: id) }
            if call.request.takesStream {
                sendQueue.open(id)
                for write in call.writes { _ = sendQueue.append(write, to: id) }
            }
            sendQueued()
        } catch {
            call.fail(error)
        }
    }

    func begin(_ inbox: CallInbox, about other: CallInbox, _ request: (_ call: UInt64) -> CallRequest) {
        accept(UnsentCall(inbox, request(other.id), at: eventLoop.now))
    }

    /// Sends the calls whose turn has come.
    func sendQueued() {
        while let id = machine.nextToSend(), let call = calls[id] {
            let request = call.request
            // Bytes that do not go in pieces wait for credit, and calls behind them too: ids only ever grow.
            let wholeCount = request.takesStream ? 0 : request.payload.readableBytes
            guard wholeCount == 0 || wholeCount <= sendQueue.credit else { break }
            machine.sentNext()
            calls[id]?.isSent = true
            var frame = ClientFrame(
                id: id,
                target: request.target,
                options: request.options.withTime(until: call.deadline, at: eventLoop.now),
                body: .call(request.operation),
                payload: request.payload
            )
            if request.takesStream {
                let piece = sendQueue.start(id, window: limits.streamWindow, maximum: limits.pieceLength)
                frame.payload = piece.bytes
                frame.last = piece.isLast
                piece.waiter?.resume(returning: .sent)
            } else {
                sendQueue.sentWhole(wholeCount)
            }
            send(frame)
        }
        sendPieces()
    }

    // MARK: Bytes of a call

    func send(_ write: CallWrite, of inbox: CallInbox) {
        sendQueue.append(write, to: inbox.id)?.end(.ended)
        sendPieces()
    }

    func withdraw(_ write: UInt64, of inbox: CallInbox) {
        sendQueue.withdraw(write, from: inbox.id)?.end(.cancelled)
    }

    private func sendPieces() {
        while let piece = sendQueue.next(maximum: limits.pieceLength) {
            send(ClientFrame(id: piece.stream, last: piece.isLast, body: .chunk, payload: piece.bytes))
            piece.waiter?.resume(returning: .sent)
        }
    }

    func closeInput(of id: UInt64) {
        for write in sendQueue.close(id) { write.end(.ended) }
    }

    // MARK: Answers

    func receive(_ part: AnswerPart, of id: UInt64) {
        let count = part.payload.readableBytes
        guard machine.wasSent(id) else { return end(.fault(Self.unknownCall(id))) }
        guard received(count) else { return end(.fault(Self.brokenCredit)) }
        // What waits for its caller is bounded by the stream's credit. The connection's is for what is under way: were it
        // held as well, a few callers that take nothing would stop all others.
        consumed(count)
        // Of a call that has ended, the bytes are nobody's.
        guard let call = calls[id] else { return }
        guard let credit = call.inbox.receive(part) else { return end(.fault(Self.brokenCredit)) }
        giveBack(credit, of: call.inbox)
        if part.isLast { callEnded(id) }
    }

    /// The call is answered with an error.
    func receive(_ error: BackendError, of id: UInt64) {
        guard machine.wasSent(id) else { return end(.fault(Self.unknownCall(id))) }
        guard let call = calls[id] else { return }
        call.inbox.fail(error)
        callEnded(id)
    }

    /// A part of the answer is not understood. What follows it is dropped, up to the end of the answer; if that was in
    /// the part itself, the call counts as in flight for as long as the connection lives.
    func receive(unintelligible error: BackendError, of id: UInt64) {
        guard machine.wasSent(id) else { return end(.fault(Self.unknownCall(id))) }
        giveUp(id, error)
    }

    func receive(_ goAway: GoAway) {
        guard !machine.isAwaitingReply else {
            return end(.refused(goAway.error ?? ConnectionEnd.brokerDrains(nil).errorOfUnsentCall))
        }
        let action = machine.receivedGoAway(goAway.error)
        keeper?.connectionDrains(self, .brokerDrains(goAway.error))
        for (id, call) in calls.sorted(by: { $0.key < $1.key }) where id > goAway.lastID || !call.isSent {
            failCall(id, .brokerDrains(goAway.error), wasStarted: false)
        }
        if case .close = action { end(.brokerDrains(goAway.error)) }
    }

    func giveBack(_ credit: Int, of inbox: CallInbox) {
        guard credit > 0, calls[inbox.id] != nil, !machine.isClosed else { return }
        send(ClientFrame(id: 0, body: .window(stream: inbox.id, bytes: UInt64(credit))))
    }
}
