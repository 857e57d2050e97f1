public import AgentBackend
internal import Synchronization

/// For operators, health checks and shutdown. All synchronous, from any thread.
extension BackendPoolManager {
    /// Hands out no more leases (`SHUTTING_DOWN`), destroys what is idle, waits `deadline` for the leases that
    /// are out, then destroys their entries all the same. ``run()`` returns when that is done.
    ///
    /// Idempotent; a later call can only bring the deadline forward.
    public nonisolated func triggerGracefulShutdown(deadline: Duration) {
        let now = now
        perform(machine.withLock { $0.drain(until: now + deadline, at: now) })
    }

    /// Destroys a key's entry: at once where no lease is out or `force` says so, else with its last lease. The
    /// next acquire makes a new one.
    @discardableResult
    public nonisolated func evict(_ key: PoolKey, force: Bool = false) -> EvictionOutcome {
        let now = now
        let eviction = machine.withLock { $0.evict(key, force: force, at: now) }
        perform(eviction.actions)
        return eviction.outcome
    }

    /// Destroys the entries of all keys of an org: at once those without a lease, the others with their last one.
    public nonisolated func evictAll(of org: OrgID) {
        let now = now
        perform(machine.withLock { $0.evictAll(of: org, at: now) })
    }

    /// Changes what one org may use while the pool runs; nil: as all orgs. Throws as ``reconfigure(_:)``.
    public nonisolated func setLimits(
        _ limits: PoolConfiguration.OrgLimits?,
        of org: OrgID
    ) throws(BackendError) {
        try limits?.validate(named: "orgs[\(org)]")
        let now = now
        let actions = machine.withLock { machine in
            var configuration = machine.configuration
            configuration.orgs[org] = limits
            return machine.reconfigure(configuration, at: now)
        }
        perform(actions)
    }

    /// Limits and times as they are now.
    public nonisolated var configuration: PoolConfiguration { machine.withLock { $0.configuration } }

    /// Changes limits and times while the pool runs. Throws `INVALID_CONFIGURATION`, and changes nothing then.
    public nonisolated func reconfigure(_ configuration: PoolConfiguration) throws(BackendError) {
        try configuration.validate()
        let now = now
        perform(machine.withLock { $0.reconfigure(configuration, at: now) })
    }

    /// What a graceful shutdown came to; nil while it is not over.
    public nonisolated var drainReport: DrainReport? { machine.withLock { $0.report } }

    /// A key's entry as it is now; nil where it has none and nobody asks for one. Makes none.
    public nonisolated func describe(_ key: PoolKey) -> EntryDescription? {
        let now = now
        return machine.withLock { $0.describe(key, at: now) }
    }

    /// A key's live entry, to look at and not to use: it may be destroyed at any time. Not a use of it either, so its
    /// idle clock goes on. nil where there is none.
    package nonisolated func peek(_ key: PoolKey) -> Entry? {
        machine.withLock { $0.liveEntry(of: key) }
    }

    /// Of all orgs together. Costs the same however many entries there are.
    public nonisolated func statistics() -> PoolStatistics {
        let now = now
        return machine.withLock { $0.statistics(at: now) }
    }

    /// Of one org; all zero for one that has never acquired.
    public nonisolated func statistics(org: OrgID) -> PoolStatistics {
        let now = now
        return machine.withLock { $0.statistics(of: org, at: now) }
    }
}
