/// Counts of a pool, or of one org in it. A copy of what the pool keeps up to date; reading it costs the same
/// however many entries there are.
package struct PoolStatistics: Sendable {
    // Now.

    /// Entries with at least one lease, also those that were replaced and end with their last lease.
    package var active = 0
    /// Live entries without a lease.
    package var idle = 0
    /// Entries being made.
    package var creating = 0
    /// Entries being destroyed or waiting for it.
    package var destroying = 0
    /// Keys that wait for room.
    package var queued = 0
    /// Acquires that wait: for room, for a creation, or for a lease of an entry that has all it may have.
    package var waiting = 0
    /// How long the one that has waited longest has.
    package var longestWait: Duration = .zero
    /// Leases held.
    package var leases = 0

    // Since the start.

    /// Acquires answered at once.
    package var hits: UInt64 = 0
    /// Acquires that had to wait, or were refused for want of room.
    package var misses: UInt64 = 0
    package var creations: UInt64 = 0
    package var creationFailures: UInt64 = 0
    /// Idle entries destroyed to make room.
    package var evictions: UInt64 = 0
    /// Entries destroyed for idleness or age.
    package var expirations: UInt64 = 0
    /// Entries replaced because their backend was no longer usable.
    package var replacements: UInt64 = 0
    /// Acquires that gave up at their deadline.
    package var timeouts: UInt64 = 0
    /// Acquires refused because too many waited.
    package var refusals: UInt64 = 0
    /// Releases of a lease that had ended already.
    package var staleReleases: UInt64 = 0
    /// How long acquires waited that got a lease, without those that got it at once.
    package var waits = DurationHistogram()
    /// How long leases were held.
    package var holds = DurationHistogram()

    package init() {}

    /// Entries that count against the limits.
    package var entries: Int { active + idle + creating + destroying }

    mutating func move(from old: EntrySlot.Standing, to new: EntrySlot.Standing) {
        count(old, by: -1)
        count(new, by: 1)
    }

    mutating func leaseBegan(wasIdle: Bool, isHit: Bool) {
        leases += 1
        if wasIdle {
            idle -= 1
            active += 1
        }
        if isHit {
            hits &+= 1
        }
    }

    mutating func leaseEnded(isIdle: Bool, after hold: Duration) {
        leases -= 1
        if isIdle {
            active -= 1
            idle += 1
        }
        holds.record(hold)
    }

    private mutating func count(_ standing: EntrySlot.Standing, by change: Int) {
        switch standing {
        case .uncounted: break
        case .queued: queued += change
        case .creating: creating += change
        case .active: active += change
        case .idle: idle += change
        case .destroying: destroying += change
        }
    }
}
