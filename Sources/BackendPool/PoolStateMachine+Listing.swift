internal import AgentBackend
internal import Synchronization

/// An entry of a pool, or a key that one is wanted for, at one moment.
package struct PoolListing<Entry: Sendable>: Sendable {
    /// Its place; another one may have it later.
    package let slot: Int
    package let key: PoolKey
    package let state: EntryDescription.State
    package let leases: Int
    /// Acquires that wait for it.
    package let waiters: Int
    /// Since the entry was made; zero before.
    package let age: Duration
    /// nil: it is not made yet. To be looked at and not used, for it may be destroyed at any time.
    package let entry: Entry?
}

extension PoolStateMachine {
    /// Looks at `count` places from `first` on, so that the time it takes is bounded. Entries that are being destroyed,
    /// and keys whose entry could not be made, are left out. `next`: where to go on; nil: those were all.
    package func list(
        from first: Int,
        count: Int,
        of org: OrgID?,
        at now: Duration
    ) -> (entries: [PoolListing<Entry>], next: Int?) {
        let start = min(max(0, first), ledger.slots.count)
        let end = min(start + max(0, count), ledger.slots.count)
        let listed = (start..<end).compactMap { slot -> PoolListing<Entry>? in
            guard let payload = payloads[slot], org == nil || payload.key.org == org,
                let state = listedState(of: slot, at: now)
            else { return nil }
            return PoolListing(
                slot: slot,
                key: payload.key,
                state: state,
                leases: Int(ledger.slots[slot].leases),
                waiters: Int(ledger.slots[slot].waiters.count),
                age: payload.liveSince.map { max(now - $0, .zero) } ?? .zero,
                entry: entries[slot]
            )
        }
        return (listed, end < ledger.slots.count ? end : nil)
    }

    private func listedState(of slot: Int, at now: Duration) -> EntryDescription.State? {
        switch ledger.slots[slot].standing {
        case .uncounted, .destroying: nil
        case .queued: .waitingForRoom
        case .creating: .creating
        case .active: .active
        case .idle: .idle(for: max(now - ledger.slots[slot].idleSince, .zero))
        }
    }
}

extension BackendPoolManager {
    /// See ``PoolStateMachine/list(from:count:of:at:)``.
    package nonisolated func list(
        from first: Int,
        count: Int,
        of org: OrgID?
    ) -> (entries: [PoolListing<Entry>], next: Int?) {
        let now = now
        return machine.withLock { $0.list(from: first, count: count, of: org, at: now) }
    }
}
