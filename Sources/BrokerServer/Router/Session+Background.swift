internal import AgentBackend
internal import BackendPool
internal import BrokerWire

/// Commands, as a session may reach them.
extension Session {
    /// One in the foreground, by its call.
    func foreground(_ call: UInt64) throws(BackendError) -> any CommandExecution {
        try principal.authorizeWrite()
        if let command = commands[call] { return command }
        throw BackendError(
            .notFound,
            reason: .notFound,
            message: "no command of this connection runs by call \(call): it has ended, or not started yet"
        )
    }

    /// Whose commands a call is about, and of which scope.
    struct BackgroundPlace {
        let owner: BackgroundOwner
        let scope: WorkspacePath
    }

    /// Throws `PERMISSION_DENIED` for a read-only token, which runs no commands either.
    func backgroundPlace(_ target: Target?) throws(BackendError) -> BackgroundPlace {
        guard let target else { throw Self.missingTarget }
        try principal.authorizeWrite()
        let owner =
            target.lease == 0
            ? BackgroundOwner.key(try keyedPoolKey(target)) : try held(target).lease.entry.backgroundOwner
        return BackgroundPlace(owner: owner, scope: try WorkspacePath(target.scopePath))
    }

    func background(
        _ id: UInt64,
        _ target: Target?,
        of broker: BrokerCore
    ) throws(BackendError) -> BackgroundExec {
        let place = try backgroundPlace(target)
        return try broker.background.find(id, of: place.owner, of: org, in: place.scope)
    }

    /// A lease of the entry that a call uses by the client's lease, for what goes on beyond that. Nil: there is none to be
    /// had, for the entry has no key, or the key has another one by now; then it goes on for as long as the client's.
    func leaseBeyond(
        _ use: Use,
        _ call: Call,
        of broker: BrokerCore
    ) async throws(BackendError) -> LeaseID? {
        guard let held = use.held, let key = leases[held]?.key, key.name != nil else { return nil }
        let grant = try await acquire(key, queueDeadline: call.options.queueDeadline, from: broker.pool)
        guard grant.entry === use.entry else {
            broker.pool.release(grant.id)
            return nil
        }
        return grant.id
    }
}
