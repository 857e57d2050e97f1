/// A key's entry, as it is now.
public struct EntryDescription: Sendable, Hashable {
    public enum State: Sendable, Hashable {
        /// The last creation failed; the next try is not before this much later.
        case resting(for: Duration)
        case waitingForRoom
        case creating
        case active
        case idle(for: Duration)
    }

    public var state: State
    /// false: the next acquire replaces the entry.
    public var isUsable: Bool
    public var leases: Int
    /// Acquires that wait for this key.
    public var waiters: Int
}

extension PoolStateMachine {
    /// nil where the key has no entry and nobody asks for one. Makes none.
    package func describe(_ key: PoolKey, at now: Duration) -> EntryDescription? {
        guard key.name != nil, let index = ledger.slot(of: key), let payload = payloads[index] else { return nil }
        let slot = ledger.slots[index]
        let state: EntryDescription.State
        switch slot.phase {
        case .vacant, .retired, .destroying: return nil
        case .resting: state = .resting(for: max((payload.failures?.retryAt ?? now) - now, .zero))
        case .queued: state = .waitingForRoom
        case .creating: state = .creating
        case .live where slot.leases > 0: state = .active
        case .live: state = .idle(for: max(now - slot.idleSince, .zero))
        }
        return EntryDescription(
            state: state,
            isUsable: isUsable(index),
            leases: Int(slot.leases),
            waiters: Int(slot.waiters.count)
        )
    }

    package func liveEntry(of key: PoolKey) -> Entry? {
        guard key.name != nil, let slot = ledger.slot(of: key), ledger.slots[slot].phase == .live else { return nil }
        return entries[slot]
    }

    package func statistics(at now: Duration) -> PoolStatistics {
        var statistics = ledger.statistics
        statistics.longestWait = waiters.longestWait(at: now)
        return statistics
    }

    /// All zero for an org that has never acquired.
    package func statistics(of org: OrgID, at now: Duration) -> PoolStatistics {
        guard let account = ledger.account(of: org) else { return PoolStatistics() }
        var statistics = ledger.accounts[account].statistics
        statistics.longestWait = waiters.wait(of: ledger.accounts[account].waiters, at: now)
        return statistics
    }

    /// Changes limits and times from now on. Entries over a lower limit go as they become idle; leases, waits
    /// and lifetimes that have begun stay as they are.
    package mutating func reconfigure(_ configuration: PoolConfiguration, at now: Duration) -> [Action] {
        ledger.reconfigure(configuration)
        nextCleanup = min(nextCleanup, now + configuration.cleanupInterval)
        var actions: [Action] = []
        guard case .running = lifecycle else { return actions }
        for slot in ledger.slots.indices where ledger.slots[slot].phase == .live {
            ledger.setMaxLeases(of: slot, payloads[slot]?.maxLeases)
            serveWaiters(of: slot, isNew: false, at: now, &actions)
            watch(slot)
        }
        for account in ledger.accounts.indices {
            serve(account, &actions)
        }
        beginDestructions(&actions)
        scheduleWakeUp(&actions)
        return actions
    }
}
