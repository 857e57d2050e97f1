internal import AgentBackend
internal import BrokerWire
internal import NIOCore

/// How calls end before or without their answer. All of it runs on the event loop.
extension ClientConnectionHandler {
    /// The end of the answer came, or will never come.
    func callEnded(_ id: UInt64) {
        removeCall(id)
        switch machine.callEnded() {
        case .close: end(.brokerDrains(machine.goAwayError))
        case .goOn: sendQueued()
        }
    }

    /// A call that was not sent waits no more.
    func leaveQueue(_ id: UInt64) {
        removeCall(id)
        machine.leftQueue(id)
        sendQueued()
    }

    private func removeCall(_ id: UInt64) {
        calls.removeValue(forKey: id)?.timer?.cancel()
        closeInput(of: id)
    }

    /// Fails a call that will not be answered, or gives it to whoever makes it again.
    func failCall(_ id: UInt64, _ cause: ConnectionEnd, wasStarted: Bool = true) {
        guard let call = calls[id] else { return }
        let mayHaveBegun = call.isSent && wasStarted
        if let keeper, let unsent = takeOut(call, id, mayHaveBegun, keeper) {
            keeper.takeBack(unsent, from: self)
        } else {
            call.inbox.fail(mayHaveBegun ? cause.errorOfSentCall : cause.errorOfUnsentCall)
        }
        if call.isSent {
            callEnded(id)
        } else {
            leaveQueue(id)
        }
    }

    /// Nil: the call cannot be made again, or nobody wants it any more.
    private func takeOut(_ call: PendingCall, _ id: UInt64, _ mayHaveBegun: Bool, _ keeper: any ConnectionKeeper)
        -> UnsentCall?
    {
        guard !call.isCancelled, !call.inbox.hasEnded else { return nil }
        guard call.isSent else {
            var unsent = UnsentCall(call.inbox, call.request, deadline: call.deadline)
            if call.request.takesStream { unsent.writes = sendQueue.close(id) }
            unsent.repeats = call.repeats
            unsent.begunBy = call.begunBy
            return unsent
        }
        // Of a call whose bytes came in pieces, those that were sent are gone.
        guard call.request.isWhole else { return nil }
        if mayHaveBegun {
            guard keeper.mayRepeat(call.request), call.repeats < Self.maximumRepeats else { return nil }
        }
        guard call.inbox.rewind() else { return nil }
        var unsent = UnsentCall(call.inbox, call.request, deadline: call.deadline)
        unsent.repeats = call.repeats + (mayHaveBegun ? 1 : 0)
        unsent.begunBy = call.begunBy ?? (mayHaveBegun ? instance : nil)
        return unsent
    }

    /// A call that ends every connection is given up at some time.
    private static var maximumRepeats: Int { 3 }

    // MARK: Cancellation

    /// Asks the broker to end the call, and waits a bounded time for its answer.
    func cancel(_ inbox: CallInbox) {
        let id = inbox.id
        guard let call = calls[id], !call.isCancelled else { return }
        guard call.isSent else {
            inbox.fail(.cancelledBeforeSent)
            return leaveQueue(id)
        }
        guard inbox.stop() else { return }
        sendCancel(id)
        let patience = configuration.cancelDeadline
        setTimer(eventLoop.now + TimeAmount(patience), of: id) { $0.giveUp(id, Self.unansweredCancel(patience)) }
    }

    /// The caller is gone.
    func abandon(_ inbox: CallInbox) {
        cancel(inbox)
        inbox.abandon()
    }

    /// The call fails here and now; whatever else is answered to it is dropped.
    func giveUp(_ id: UInt64, _ error: BackendError) {
        calls[id]?.inbox.fail(error)
        calls[id]?.timer?.cancel()
        sendCancel(id)
    }

    private func sendCancel(_ id: UInt64) {
        guard let call = calls[id], !call.isCancelled else { return }
        calls[id]?.isCancelled = true
        closeInput(of: id)
        send(ClientFrame(id: 0, body: .cancel(call: id)))
    }

    /// The broker ends a call at its deadline. It ends here where it was never sent, or the broker says nothing.
    func startTimer(_ deadline: NIODeadline, of id: UInt64) {
        setTimer(deadline, of: id) { connection in
            guard let call = connection.calls[id] else { return }
            guard call.isSent else {
                call.inbox.fail(call.request.deadlineExceeded(maybeExecuted: false))
                return connection.leaveQueue(id)
            }
            connection.setTimer(connection.eventLoop.now + TimeAmount(connection.configuration.cancelDeadline), of: id)
            {
                $0.giveUp(id, call.request.deadlineExceeded(maybeExecuted: true))
            }
        }
    }

    private func setTimer(_ time: NIODeadline, of id: UInt64, _ body: @escaping (ClientConnectionHandler) -> Void) {
        calls[id]?.timer?.cancel()
        calls[id]?.timer = eventLoop.assumeIsolated().scheduleTask(deadline: time) { [self] in body(self) }
    }
}
