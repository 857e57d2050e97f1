internal import AgentBackend
internal import BrokerWire
internal import NIOCore

/// What happens to the connection, and what is done about it. On the event loop.
extension ReconnectingConnection {
    func perform(_ actions: [ReconnectStateMachine.Action]) {
        for action in actions {
            switch action {
            case .report(let status, let cause):
                lifecycle.transition(to: status, cause: cause)
            case .connect:
                beginAttempt()
            case .wait(let time):
                delay = eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(time)) { [weak self] in
                    guard let self else { return }
                    perform(machine.waitEnded())
                }
            case .endWait:
                delay?.cancel()
            case .callOffAttempt:
                attempt?.callOff()
                attempt = nil
            case .sendWaiting:
                guard let link else { continue }
                for call in waiting.removeAll() { send(call, over: link) }
                endWaits(.success(()))
            case .failWaiting(let error):
                for call in waiting.removeAll() { call.fail(error) }
                endWaits(.failure(error))
            }
        }
    }

    private func beginAttempt() {
        let attempt = connector.makeAttempt()
        self.attempt = attempt
        attempt.establish(configuration).assumeIsolated().whenComplete { [weak self] result in
            guard let self, let current = self.attempt, current === attempt else {
                if case .success(let link) = result { link.handler.end(.closedByOwner) }
                return
            }
            self.attempt = nil
            switch result {
            case .success(let link) where link.handler.takesCalls:
                link.handler.keeper = self
                self.link = link
                perform(machine.attemptSucceeded())
            case .success(let link):
                // It was lost, or told to go away, while its lease was taken.
                link.handler.end(.closedByOwner)
                perform(machine.attemptFailed(.ofConnecting(ChannelError.ioOnClosedChannel), mayRecover: true))
            case .failure(let error):
                let error = BackendError.ofConnecting(error)
                // Also one that was lost while its lease was taken: nothing that waits has begun.
                let isLost = error.code == .connectionClosed
                perform(
                    machine.attemptFailed(
                        isLost && error.maybeExecuted ? ConnectionEnd.lost(cause: error).errorOfUnsentCall : error,
                        mayRecover: isLost || error.isRetryable
                    )
                )
            }
        }
    }
}

extension ReconnectingConnection: ConnectionKeeper {
    func mayRepeat(_ request: CallRequest) -> Bool {
        switch configuration.resend {
        case .none: false
        case .reads: request.operation.isRead
        case .all: request.operation.isRead || request.hasIdempotencyKey
        }
    }

    func connectionDrains(_ connection: ClientConnectionHandler, _ cause: ConnectionEnd) {
        guard let link, link.handler === connection else { return }
        draining.append(link)
        lost(cause)
    }

    func connectionEnded(_ connection: ClientConnectionHandler, _ cause: ConnectionEnd) {
        draining.removeAll { $0.handler === connection }
        guard let link, link.handler === connection else { return }
        lost(cause)
    }

    private func lost(_ cause: ConnectionEnd) {
        link = nil
        perform(machine.connectionLost(cause.errorOfConnection))
    }

    func takeBack(_ call: UnsentCall, from connection: ClientConnectionHandler) {
        accept(call)
    }
}

/// Calls that wait.
extension ReconnectingConnection: CallHolder {
    func cancel(_ inbox: CallInbox) {
        waiting.remove(inbox)?.fail(.cancelledBeforeSent)
    }

    func abandon(_ inbox: CallInbox) {
        cancel(inbox)
        inbox.abandon()
    }

    /// Nothing has arrived of a call that waits.
    func giveBack(_ credit: Int, of inbox: CallInbox) {}

    func send(_ write: CallWrite, of inbox: CallInbox) {
        if !waiting.append(write, to: inbox) { write.end(.ended) }
    }

    func withdraw(_ write: UInt64, of inbox: CallInbox) {
        waiting.withdraw(write, of: inbox)?.end(.cancelled)
    }
}
