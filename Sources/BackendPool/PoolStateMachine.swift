package import AgentBackend

/// Decides all that happens in a pool.
///
/// A value without clock, lock, task or continuation. Each event is a method that takes the time and returns
/// what the driver must do; the driver applies one event at a time, and does the actions after it has let go
/// of its lock. Time is the time since the pool began and never needs to be exact: two events may come with
/// times in the wrong order.
///
/// - `Waiter` is what the driver wants back when an acquire ends, such as a continuation. Each one is handed
///   back exactly once, in `.resume`.
/// - What is known of a slot is in three places, at the same index: counts, lists and leases in the
///   ``PoolLedger``; the entry in `entries`, where a hit finds it in one step; all else in `payloads`.
@usableFromInline
package struct PoolStateMachine<Entry: PooledEntry, Configuration: Equatable & Sendable, Waiter: Sendable> {
    /// What the driver must do, in this order.
    package enum Action: Sendable {
        case resume(Waiter, Result<LeaseGrant<Entry>, BackendError>)
        /// Make an entry, then report ``PoolStateMachine/created(_:entry:at:)`` or
        /// ``PoolStateMachine/creationFailed(_:_:at:)``.
        case create(Creation)
        /// Destroy the entry, then report ``PoolStateMachine/destroyed(_:at:)``.
        case destroy(Destruction)
        /// Report ``PoolStateMachine/tick(at:)`` at this time. Several may be outstanding.
        case wakeUp(at: Duration)
        /// Cancel the tasks of all creations. Each still reports how it ended.
        case cancelCreations
        /// The drain is over; nothing more will happen.
        case finish
    }

    package struct Creation: Sendable {
        package let key: PoolKey
        package let configuration: Configuration
        let slot: Int
    }

    package struct Destruction: Sendable {
        package let key: PoolKey
        package let entry: Entry
        package let reason: DestructionReason
        /// Leases that were still held. More than 0 only after a drain's deadline or a forced eviction.
        package let revokedLeases: Int
        let slot: Int
    }

    @usableFromInline
    struct Payload {
        let key: PoolKey
        @usableFromInline
        var configuration: Configuration
        /// End of the rest, of the lifetime, or of an idle time that is the entry's own.
        var timer: TimerHeap<TimerOwner>.ID?
        var failures: Failures?
        /// When the entry was made; nil: it is not yet.
        var liveSince: Duration?
        /// When the entry is too old; nil: never.
        var endOfLife: Duration?
        var idleTimeout = IdleTimeout.pool
        /// What the entry asks for.
        var maxLeases: Int?
        /// Why the entry ends, once that is decided.
        var ending: DestructionReason?
        /// Leases that were ended for it.
        var revokedLeases = 0
    }

    /// Creations of a key that failed in a row.
    struct Failures {
        var count: Int
        var last: BackendError
        var retryAt: Duration
    }

    enum Lifecycle {
        /// May become draining.
        case running
        /// May become stopped.
        case draining(DrainReport, deadline: Duration, hasOverrun: Bool)
        case stopped(DrainReport)
    }

    @usableFromInline
    var ledger: PoolLedger
    @usableFromInline
    var entries: [Entry?] = []
    @usableFromInline
    var payloads: [Payload?] = []
    var waiters = WaiterTable<Waiter>()
    var timers = TimerHeap<TimerOwner>()
    var lifecycle = Lifecycle.running
    var random: SplitMix64
    let defaultConfiguration: Configuration
    /// When idle entries are looked for next.
    var nextCleanup: Duration
    /// The earliest `.wakeUp` that is outstanding.
    var nextWakeUp: Duration?

    /// `seed` decides all that is left to chance.
    package init(configuration: PoolConfiguration, defaultConfiguration: Configuration, seed: UInt64) {
        ledger = PoolLedger(configuration: configuration)
        random = SplitMix64(seed: seed)
        self.defaultConfiguration = defaultConfiguration
        nextCleanup = configuration.cleanupInterval
    }

    package var configuration: PoolConfiguration { ledger.configuration }

    /// What the drain brought. nil until it is over.
    package var report: DrainReport? {
        guard case .stopped(let report) = lifecycle else { return nil }
        return report
    }
}

// MARK: - Hits

extension PoolStateMachine {
    /// A lease of a live, usable entry whose configuration is the given one. nil, and nothing changed, where
    /// there is none to be had at once.
    @inlinable
    mutating func hit(
        _ key: PoolKey,
        configuration: Configuration?,
        at now: Duration
    ) -> LeaseGrant<Entry>? {
        guard let slot = ledger.readySlot(for: key), let entry = entries[slot], entry.isUsable else { return nil }
        if let configuration, configuration != payloads[slot]?.configuration { return nil }
        return LeaseGrant(id: ledger.beginLease(on: slot, at: now, isHit: true), entry: entry, isNew: false)
    }

    /// A release that concerns nobody else. false: report ``released(_:at:)`` instead.
    @inlinable
    mutating func releaseQuickly(_ id: LeaseID, at now: Duration) -> Bool {
        ledger.releaseQuickly(id, at: now)
    }
}
