public import AgentBackend
public import Synchronization

// What a hit needs is inlinable: code that is not is not specialised in other modules, and costs ten times as much.

/// Leases, by id. For who keeps them in tables of their own; others use ``acquire(_:configuration:queueDeadline:)``.
extension BackendPoolManager {
    /// A lease of a live entry, if there is one to be had at once: the key's, usable, with a lease left and,
    /// where `configuration` is given, with that one. Does not wait.
    ///
    /// `time`: for a caller who has just read the clock, such as for a batch of calls; nil: now.
    @inlinable
    public nonisolated func tryAcquire(
        _ key: PoolKey,
        configuration: Configuration? = nil,
        at time: C.Instant? = nil
    ) -> LeaseGrant<Entry>? {
        let now = origin.duration(to: time ?? clock.now)
        let wanted = configuration.map { defaultConfiguration.merging($0) }
        return machine.withLock { $0.hit(key, configuration: wanted, at: now) }
    }

    /// Ends a lease. Does not wait. Harmless when the lease has ended already: that is counted.
    ///
    /// Hands the lease, or the room that its end makes, to those that wait for it. `time` is as in
    /// ``tryAcquire(_:configuration:at:)``.
    @inlinable
    public nonisolated func release(_ id: LeaseID, at time: C.Instant? = nil) {
        let now = origin.duration(to: time ?? clock.now)
        let isDone = machine.withLock { $0.releaseQuickly(id, at: now) }
        if !isDone {
            releaseSlowly(id, at: now)
        }
    }

    /// Someone may have begun to wait since, or ceased to: the machine decides afresh.
    @usableFromInline
    nonisolated func releaseSlowly(_ id: LeaseID, at now: Duration) {
        perform(machine.withLock { $0.released(id, at: now) })
    }

    /// A lease's holder let go of it without a release.
    @usableFromInline
    nonisolated func takeBack(_ id: LeaseID, of key: PoolKey) {
        let now = now
        perform(machine.withLock { $0.abandoned(id, of: key, at: now) })
        observer?.poolTookBackLease(key)
    }

    /// As ``acquire(_:configuration:queueDeadline:)``, with a lease by id.
    @inlinable
    package nonisolated func acquireGrant(
        _ key: PoolKey,
        configuration: Configuration? = nil,
        queueDeadline: Duration? = nil
    ) async throws(BackendError) -> LeaseGrant<Entry> {
        if let grant = tryAcquire(key, configuration: configuration) { return grant }
        return try await waitForGrant(key, configuration: configuration, queueDeadline: queueDeadline)
    }

    @usableFromInline
    nonisolated func waitForGrant(
        _ key: PoolKey,
        configuration: Configuration?,
        queueDeadline: Duration?
    ) async throws(BackendError) -> LeaseGrant<Entry> {
        if let name = key.name { try Name.validate(name, kind: "key") }
        let wanted = configuration.map { defaultConfiguration.merging($0) }
        let id = WaiterID(rawValue: lastWaiter.add(1, ordering: .relaxed).newValue)
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let now = now
                let actions = machine.withLock { machine -> [Machine.Action] in
                    // Read under the lock: a cancellation from here on finds the waiter.
                    guard !Task.isCancelled else { return [.resume(continuation, .failure(.acquireWasCancelled))] }
                    return machine.acquire(
                        key,
                        configuration: wanted,
                        queueDeadline: queueDeadline,
                        waiter: continuation,
                        id: id,
                        at: now
                    )
                }
                perform(actions)
            }
        } onCancel: {
            let now = now
            perform(machine.withLock { $0.cancel(id, at: now) })
        }
        return try result.get()
    }
}

extension BackendPoolManager {
    /// A lease of the key's entry, made if there is none. Waits for room, for the creation, or for a lease.
    ///
    /// - Parameters:
    ///   - configuration: What the entry must be like, merged over the pool's default; nil: any, and the default for
    ///     a new one.
    ///   - queueDeadline: How long to wait at most; nil: the pool's default.
    /// - Throws: `INVALID_ARGUMENT` for what is no ``Name``; `CONFLICT` where the key's entry has another
    ///   configuration; `RESOURCE_EXHAUSTED` where there was no room until the deadline or too many of the org wait;
    ///   `DEADLINE_EXCEEDED` where the creation took longer; `CANCELLED`, without harm to the creation;
    ///   `SHUTTING_DOWN`; what the creation threw.
    @inlinable
    public nonisolated func acquire(
        _ key: PoolKey,
        configuration: Configuration? = nil,
        queueDeadline: Duration? = nil
    ) async throws(BackendError) -> Lease {
        let grant = try await acquireGrant(key, configuration: configuration, queueDeadline: queueDeadline)
        return Lease(grant, of: key, in: self)
    }

    /// Runs `body` with the key's entry; the lease ends when `body` does, also when it throws or was cancelled.
    ///
    /// Parameters and errors are those of ``acquire(_:configuration:queueDeadline:)``, besides what `body`
    /// throws. After a drain's deadline the entry is destroyed under `body`, whose calls then fail with
    /// `BACKEND_DESTROYED`; what else `body` waits for is for its caller to cancel.
    @inlinable
    @discardableResult
    public nonisolated func withEntry<Value>(
        _ key: PoolKey,
        configuration: Configuration? = nil,
        queueDeadline: Duration? = nil,
        _ body: (Entry) async throws -> Value
    ) async throws -> Value {
        let grant = try await acquireGrant(key, configuration: configuration, queueDeadline: queueDeadline)
        defer { release(grant.id) }
        return try await body(grant.entry)
    }

    /// As ``withEntry(_:configuration:queueDeadline:_:)``, with the entry's backend.
    @inlinable
    @discardableResult
    public nonisolated func withBackend<Value>(
        _ key: PoolKey,
        configuration: Configuration? = nil,
        queueDeadline: Duration? = nil,
        _ body: (any Backend) async throws -> Value
    ) async throws -> Value where Entry == PooledBackend {
        try await withEntry(key, configuration: configuration, queueDeadline: queueDeadline) { entry in
            try await body(entry.backend)
        }
    }
}
