internal import AgentBackend
internal import BackendPool
internal import BrokerWire

/// Which entry a call works on, and the lease that keeps it there.
extension Session {
    /// What is wrong with a call before it is looked at closer.
    func refusal(of call: Call) -> BackendError? {
        call.options.special.flatMap { featureRefusal(of: $0) }
    }

    private func featureRefusal(of options: CallOptions.Special) -> BackendError? {
        if let unknown = options.requires.first(where: { Feature(rawValue: $0) == nil }) {
            return BackendError(
                .notImplemented,
                message: "the call requires feature \(unknown), which this broker lacks: nothing was done"
            )
        }
        guard options.idempotencyKey.utf8.count <= Self.longestIdempotencyKey else {
            return BackendError(
                .invalidArgument,
                reason: .tooLarge,
                message: "the idempotency key is longer than \(Self.longestIdempotencyKey) bytes: nothing was done"
            )
        }
        return nil
    }

    private static var longestIdempotencyKey: Int { 256 }

    /// The place in the batch of what a call works on, where that can be had at once; nil: the call has to wait for it.
    func place<V: Verb>(of call: Call, _ verb: V.Type, of broker: BrokerCore) throws(BackendError) -> Int? {
        guard let target = call.target else { throw Self.missingTarget }
        if V.isModifying, isReadOnly { try principal.authorizeWrite() }
        if let known = batch.place(of: target) { return known }
        if target.lease != 0 {
            let entry = try held(target).lease.entry
            return batch.add(entry, try entry.view(target.scopePath), target, nil)
        }
        guard let lease = broker.pool.tryAcquire(try keyedPoolKey(target)) else { return nil }
        do throws(BackendError) {
            return batch.add(lease.entry, try lease.entry.view(target.scopePath), target, lease.id)
        } catch {
            broker.pool.release(lease.id)
            throw error
        }
    }

    /// An entry in use by a call that waits.
    struct Use {
        let entry: BackendEntry
        /// A lease of the call's own; nil: one that the client holds.
        let lease: LeaseID?
        let held: LeaseID?
    }

    func use(_ call: Call, of broker: BrokerCore) async throws(BackendError) -> Use {
        guard let target = call.target else { throw Self.missingTarget }
        if target.lease != 0 {
            let held = try held(target)
            leases[held.lease.id]?.users += 1
            return Use(entry: held.lease.entry, lease: nil, held: held.lease.id)
        }
        let key = try keyedPoolKey(target)
        try await checkMayAcquire(key, of: broker)
        let lease = try await acquire(key, queueDeadline: call.options.queueDeadline, from: broker.pool)
        return Use(entry: lease.entry, lease: lease.id, held: nil)
    }

    func endUse(_ use: Use, of pool: BrokerCore.Pool) {
        if let lease = use.lease { pool.release(lease) }
        guard let id = use.held, var held = leases[id] else { return }
        held.users -= 1
        leases[id] = held
        if held.isReleased, held.users == 0 { end(id, in: pool) }
    }

    func hold(_ lease: LeaseGrant<BackendEntry>, key: PoolKey) {
        leases[lease.id] = HeldLease(lease: lease, key: key)
    }

    /// False: there is no such lease (any more).
    func release(_ rawLease: UInt64, in pool: BrokerCore.Pool) -> Bool {
        let id = LeaseID(rawValue: rawLease)
        guard let held = leases[id], !held.isReleased else { return false }
        leases[id]?.isReleased = true
        batch.released(rawLease)
        if held.users == 0 { end(id, in: pool) }
        return true
    }

    func releaseAll(to pool: BrokerCore.Pool) {
        batch.release(to: pool)
        batch.removeAll()
        for id in Array(leases.keys) { end(id, in: pool) }
    }

    private func end(_ id: LeaseID, in pool: BrokerCore.Pool) {
        leases[id] = nil
        pool.release(id)
    }

    func held(_ target: Target) throws(BackendError) -> HeldLease {
        guard let held = leases[LeaseID(rawValue: target.lease)], !held.isReleased else {
            throw BackendError(
                .notFound,
                message: "this connection holds no lease \(target.lease): acquire the entry again"
            )
        }
        return held
    }

    /// As ``poolKey(_:)``, for a call that brings no lease along: a fresh entry would be gone with its answer.
    func keyedPoolKey(_ target: Target) throws(BackendError) -> PoolKey {
        guard !target.key.isEmpty else {
            throw BackendError(
                .invalidArgument,
                message: "the target has neither key nor lease: name a key, or acquire an entry without one first"
            )
        }
        return try poolKey(target)
    }

    /// The key of a target, checked against what the token allows. Without a name: a fresh entry.
    func poolKey(_ target: Target) throws(BackendError) -> PoolKey {
        guard target.backend != .remoteFilesystem else {
            throw BackendError(
                .invalidArgument,
                message: "a broker pools no remote-filesystem backends: ask for local-filesystem or memory"
            )
        }
        let name = target.key.isEmpty ? nil : target.key
        if let name { try Name.validate(name, kind: "key") }
        if isNarrowed { try principal.authorize(key: name) }
        return PoolKey(org: org, type: target.backend, name: name)
    }

    static let missingTarget = BackendError(
        .invalidArgument,
        message: "the call names no target: say which backend and key it works on"
    )
}
