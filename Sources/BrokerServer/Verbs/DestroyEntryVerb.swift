internal import AgentBackend
internal import BackendPool
internal import BrokerWire

/// Destroys the entry of a key, whatever goes on in it.
extension DestroyEntry: SessionVerb {
    static let name = "destroy_entry"
    static let isModifying = true

    func attempt(_ target: Target?, in session: Session, of broker: BrokerCore) -> NonBlocking<Answer> {
        .preparing(try destroy(session, broker)) { .done(Answer(.destroyEntry)) }
    }

    func perform(_ call: Call, in session: Session, of broker: BrokerCore) async throws(BackendError) -> Answer {
        try destroy(session, broker)
        return Answer(.destroyEntry)
    }

    private func destroy(_ session: Session, _ broker: BrokerCore) throws(BackendError) {
        let org = try session.administered(org, of: broker)
        try Name.validate(key, kind: "key")
        if !session.principal.isOperator { try session.principal.authorize(key: key) }
        let poolKey = PoolKey(org: org.id, type: backend, name: key)
        let start = ContinuousClock.now
        guard broker.pool.evict(poolKey, force: true) != .notLive else { throw noEntry }
        EntryLog(broker.log, org: org.name, key: key, mode: nil).record(
            OperationRecord(operation: Self.name, duration: start.duration(to: .now)),
            isModifying: true
        )
    }

    private var noEntry: BackendError {
        BackendError(
            .notFound,
            reason: .notFound,
            message: "key \"\(key)\" has no \(backend) entry now: list the entries for those that there are"
        )
    }
}
