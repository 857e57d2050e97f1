/// Counts of a pool, or of one org in it. A copy of what the pool keeps up to date; reading it costs the same
/// however many entries there are.
public struct PoolStatistics: Sendable {
    // What every lease changes comes first, side by side.

    /// Entries with at least one lease, also those that were replaced and end with their last lease.
    public var active = 0
    /// Live entries without a lease.
    public var idle = 0
    /// Leases held.
    public var leases = 0
    /// Acquires answered at once, since the start.
    public var hits: UInt64 = 0
    /// How long leases were held, since the start.
    public var holds = DurationHistogram()

    // Now.

    /// Entries being made.
    public var creating = 0
    /// Entries being destroyed or waiting for it.
    public var destroying = 0
    /// Keys that wait for room.
    public var queued = 0
    /// Acquires that wait: for room, for a creation, or for a lease of an entry that has all it may have.
    public var waiting = 0
    /// How long the one that has waited longest has.
    public var longestWait: Duration = .zero

    // Since the start.

    /// Acquires that had to wait, or were refused for want of room.
    public var misses: UInt64 = 0
    public var creations: UInt64 = 0
    public var creationFailures: UInt64 = 0
    /// Idle entries destroyed to make room.
    public var evictions: UInt64 = 0
    /// Entries destroyed for idleness or age.
    public var expirations: UInt64 = 0
    /// Entries replaced because their backend was no longer usable.
    public var replacements: UInt64 = 0
    /// Acquires that gave up at their deadline.
    public var timeouts: UInt64 = 0
    /// Acquires refused because too many waited.
    public var refusals: UInt64 = 0
    /// Releases of a lease that had ended already.
    public var staleReleases: UInt64 = 0
    /// Leases that their holders let go of without a release, and that the pool took back.
    public var abandonedLeases: UInt64 = 0
    /// How long acquires waited that got a lease, without those that got it at once.
    public var waits = DurationHistogram()

    public init() {}

    /// Entries that count against the limits.
    public var entries: Int { active + idle + creating + destroying }

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
