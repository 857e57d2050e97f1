internal import AgentBackend
internal import BackendPool
internal import BrokerWire

extension Acquire: SessionVerb {
    static let name = "acquire"
    static let isModifying = false

    func attempt(_ target: Target?, in session: Session, of broker: BrokerCore) -> NonBlocking<Answer> {
        guard let target, target.lease == 0 else { return .failed(Self.noKey) }
        return .preparing(try key(of: target, session)) { key in
            guard key.name != nil, let lease = broker.pool.tryAcquire(key, configuration: configuration) else {
                return .wouldBlock
            }
            return .done(answer(lease, key, session))
        }
    }

    func perform(_ call: Call, in session: Session, of broker: BrokerCore) async throws(BackendError) -> Answer {
        guard let target = call.target, target.lease == 0 else { throw Self.noKey }
        let key = try key(of: target, session)
        try await session.checkMayAcquire(key, of: broker)
        let lease = try await session.acquire(
            key,
            configuration: configuration,
            queueDeadline: call.options.queueDeadline,
            from: broker.pool
        )
        return answer(lease, key, session)
    }

    /// Checked, as is what the entry is to be like.
    private func key(of target: Target, _ session: Session) throws(BackendError) -> PoolKey {
        try configuration?.limits.validate(within: session.principal.org)
        return try session.poolKey(target)
    }

    private func answer(_ lease: LeaseGrant<BackendEntry>, _ key: PoolKey, _ session: Session) -> Answer {
        session.hold(lease, key: key)
        return Answer(.acquire(AcquireReply(lease: lease.id.rawValue, created: lease.isNew)))
    }

    private static let noKey = BackendError(
        .invalidArgument,
        message: "acquire needs a target with a backend and a key, and no lease"
    )
}

extension Release: SessionVerb {
    static let name = "release"
    static let isModifying = false

    func attempt(_ target: Target?, in session: Session, of broker: BrokerCore) -> NonBlocking<Answer> {
        .done(Answer(.release(released: session.release(lease, in: broker.pool))))
    }

    func perform(_ call: Call, in session: Session, of broker: BrokerCore) async throws(BackendError) -> Answer {
        Answer(.release(released: session.release(lease, in: broker.pool)))
    }
}
