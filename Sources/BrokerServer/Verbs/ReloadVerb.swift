internal import AgentBackend
internal import BrokerWire

/// Has the broker read its configuration file again.
struct Reload: SessionVerb {
    static let name = "reload"
    static let isModifying = true

    /// Lines of an answer.
    private static let maximumChanges = 100

    func attempt(_ target: Target?, in session: Session, of broker: BrokerCore) -> NonBlocking<Answer> { .wouldBlock }

    func perform(_ call: Call, in session: Session, of broker: BrokerCore) async throws(BackendError) -> Answer {
        try session.principal.authorizeOperator()
        let outcome = try await broker.reloads.request()
        var changes = outcome.differences.prefix(Self.maximumChanges).map(\.description)
        if outcome.differences.count > changes.count {
            changes[changes.count - 1] = "\(outcome.differences.count - changes.count + 1) more"
        }
        return Answer(
            .reload(ReloadReply(changes: changes, connectionsEnded: UInt32(clamping: outcome.connectionsEnded)))
        )
    }
}
