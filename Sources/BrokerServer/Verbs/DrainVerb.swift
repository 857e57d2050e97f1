internal import AgentBackend
internal import BrokerWire

/// Ends the broker in order, and tells what became of the calls in flight.
struct Drain: SessionVerb {
    static let name = "drain"
    static let isModifying = true

    func attempt(_ target: Target?, in session: Session, of broker: BrokerCore) -> NonBlocking<Answer> {
        .preparing(try authorize(session.principal)) { _ in .wouldBlock }
    }

    func perform(_ call: Call, in session: Session, of broker: BrokerCore) async throws(BackendError) -> Answer {
        try authorize(session.principal)
        broker.drain.request()
        return Answer(.drain(try await broker.drain.report()))
    }

    private func authorize(_ principal: Principal) throws(BackendError) {
        try principal.authorizeOperator()
        try principal.authorizeWrite()
    }
}
