package import AgentBackend
internal import Synchronization

/// For operators, health checks and shutdown. All synchronous, from any thread.
extension BackendPoolManager {
    /// Hands out no more leases (`SHUTTING_DOWN`), destroys what is idle, waits `deadline` for the leases that
    /// are out, then destroys their entries all the same. ``run()`` returns when that is done.
    ///
    /// Idempotent; a later call can only bring the deadline forward.
    package nonisolated func triggerGracefulShutdown(deadline: Duration) {
        let now = now
        perform(machine.withLock { $0.drain(until: now + deadline, at: now) })
    }

    /// Destroys a key's entry: at once where no lease is out or `force` says so, else with its last lease. The
    /// next acquire makes a new one.
    @discardableResult
    package nonisolated func evict(_ key: PoolKey, force: Bool = false) -> EvictionOutcome {
        let now = now
        let eviction = machine.withLock { $0.evict(key, force: force, at: now) }
        perform(eviction.actions)
        return eviction.outcome
    }

    /// Changes limits and times while the pool runs. Throws `INVALID_CONFIGURATION`, and changes nothing then.
    package nonisolated func reconfigure(_ configuration: PoolConfiguration) throws(BackendError) {
        try configuration.validate()
        let now = now
        perform(machine.withLock { $0.reconfigure(configuration, at: now) })
    }

    /// A key's entry as it is now; nil where it has none and nobody asks for one. Makes none.
    package nonisolated func describe(_ key: PoolKey) -> EntryDescription? {
        let now = now
        return machine.withLock { $0.describe(key, at: now) }
    }

    /// Of all orgs together. Costs the same however many entries there are.
    package nonisolated func statistics() -> PoolStatistics {
        let now = now
        return machine.withLock { $0.statistics(at: now) }
    }

    /// Of one org; all zero for one that has never acquired.
    package nonisolated func statistics(org: OrgID) -> PoolStatistics {
        let now = now
        return machine.withLock { $0.statistics(of: org, at: now) }
    }
}
