internal import AgentBackend
internal import BrokerWire

/// Lists connections.
extension ListConnections: SessionVerb {
    static let name = "connections"
    static let isModifying = false

    /// Most connections in one answer: with the longest names they stay well within a frame's head.
    private static let maximumConnections = 500

    func attempt(_ target: Target?, in session: Session, of broker: BrokerCore) -> NonBlocking<Answer> { .wouldBlock }

    func perform(_ call: Call, in session: Session, of broker: BrokerCore) async throws(BackendError) -> Answer {
        let org = try session.inspected(org, of: broker)
        let limit = limit > 0 ? min(Int(limit), Self.maximumConnections) : Self.maximumConnections
        return Answer(.connections(await broker.connections.list(of: org?.id, after: after, limit: limit)))
    }
}
