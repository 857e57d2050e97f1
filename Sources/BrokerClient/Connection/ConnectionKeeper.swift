internal import AgentBackend
internal import NIOCore

/// Who makes a connection again when it takes no more calls. Called on the event loop.
protocol ConnectionKeeper: AnyObject {
    /// A call that may have begun is made again, and not failed.
    func mayRepeat(_ request: CallRequest) -> Bool

    /// The connection takes no more calls; those under way go on. What was not begun is taken back after this.
    func connectionDrains(_ connection: ClientConnectionHandler, _ cause: ConnectionEnd)
    /// The connection is gone. What can be made again is taken back after this.
    func connectionEnded(_ connection: ClientConnectionHandler, _ cause: ConnectionEnd)
    /// In the order in which the calls were made.
    func takeBack(_ call: UnsentCall, from connection: ClientConnectionHandler)
}

/// What a keeper asks of a connection, on its event loop.
extension ClientConnectionHandler {
    /// Makes a call that is answered with one frame.
    func answer(to request: CallRequest) -> EventLoopFuture<AnswerPart> {
        let promise = eventLoop.makePromise(of: AnswerPart.self)
        let inbox = CallInbox()
        accept(UnsentCall(inbox, request, at: eventLoop.now))
        // The connection calls this at once: what follows from the answer comes before what arrives after it.
        inbox.whenArrived {
            switch inbox.take() {
            case .part(let part, let credit):
                inbox.holder?.giveBack(credit, of: inbox)
                promise.succeed(part)
            case .failed(let error):
                promise.fail(error.during(request.operation.name))
            case .end, .wait:
                promise.fail(BackendError.strangeAnswer(to: request.operation.name))
            }
        }
        return promise.futureResult
    }

    /// Ends every call and, once the broker says that their effects are stopped, the connection: after
    /// ``BrokerConnection/Configuration/cancelDeadline`` also where it does not.
    func shutDown(unsent: BackendError, sent: BackendError) {
        keeper = nil
        guard case .goOn = machine.ownerDrains(sent) else { return end(.closedByOwner) }
        for (id, call) in calls.sorted(by: { $0.key < $1.key }) {
            if call.isSent {
                giveUp(id, sent)
            } else {
                call.inbox.fail(unsent)
                leaveQueue(id)
            }
        }
        endAfter(configuration.cancelDeadline)
    }
}
