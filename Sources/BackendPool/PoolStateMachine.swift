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
        case resume(Waiter, Result<Lease<Entry>, BackendError>)
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
        /// End of the rest, or of the lifetime.
        var timer: TimerHeap<TimerOwner>.ID?
        var failures: Failures?
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
    ) -> Lease<Entry>? {
        guard let slot = ledger.readySlot(for: key), let entry = entries[slot], entry.isUsable else { return nil }
        if let configuration, configuration != payloads[slot]?.configuration { return nil }
        return Lease(id: ledger.beginLease(on: slot, at: now, isHit: true), entry: entry, isNew: false)
    }

    /// A release that concerns nobody else. false: report ``released(_:at:)`` instead.
    @inlinable
    mutating func releaseQuickly(_ id: LeaseID, at now: Duration) -> Bool {
        ledger.releaseQuickly(id, at: now)
    }
}

// MARK: - Time

extension PoolStateMachine {
    /// Time has come to `now`. The driver reports it at the times that `.wakeUp` asks for; more often does no
    /// harm.
    ///
    /// Takes time for what is due, not for what lives, and does at most `batch` pieces of work: where more is
    /// due, it asks for another wake-up at once, so that the driver's lock is not held for long.
    package mutating func tick(at now: Duration, batch: Int = 256) -> [Action] {
        var actions: [Action] = []
        if let wakeUp = nextWakeUp, wakeUp <= now {
            nextWakeUp = nil
        }
        var left = batch
        while left > 0, let owner = timers.popDue(at: now) {
            left -= 1
            switch owner {
            case .waiter(let waiter): timeOut(waiter, at: now, &actions)
            case .slot(let slot): slotTimerFired(slot, at: now, &actions)
            }
        }
        if nextCleanup <= now {
            while left > 0, let slot = expiredIdleSlot(at: now) {
                left -= 1
                doom(slot, .idle, &actions)
            }
            if left > 0 {
                nextCleanup = now + configuration.cleanupInterval
            }
        }
        overrunIfDue(at: now, &actions)
        scheduleWakeUp(&actions)
        return actions
    }

    /// Asks to be woken at the next time of interest, unless that was done.
    ///
    /// Wake-ups come at whole multiples of 10 ms, because one that was asked for cannot be taken back: callers
    /// that come with ever earlier deadlines must not be able to pile them up.
    mutating func scheduleWakeUp(_ actions: inout [Action]) {
        var next = min(nextCleanup, timers.earliest ?? nextCleanup)
        switch lifecycle {
        case .running: break
        case .draining(_, _, hasOverrun: true), .stopped: return
        case .draining(_, let deadline, hasOverrun: false): next = min(next, deadline)
        }
        next = Self.roundedUp(next)
        if let nextWakeUp, nextWakeUp <= next { return }
        nextWakeUp = next
        actions.append(.wakeUp(at: next))
    }

    private static func roundedUp(_ time: Duration) -> Duration {
        let grain = Duration.milliseconds(10).attoseconds
        return Duration(attoseconds: (time.attoseconds + grain - 1) / grain * grain)
    }

    private func expiredIdleSlot(at now: Duration) -> Int? {
        guard let slot = ledger.idle.first, ledger.slots[slot].idleSince + configuration.idleTimeout <= now else {
            return nil
        }
        return slot
    }

    private mutating func slotTimerFired(_ slot: Int, at now: Duration, _ actions: inout [Action]) {
        payloads[slot]?.timer = nil
        switch ledger.slots[slot].phase {
        case .live:
            retire(slot, .lifetime, &actions)
        case .resting where ledger.slots[slot].waiters.isEmpty:
            vacate(slot)
        case .resting:
            requestRoom(slot, &actions)
        case .vacant, .queued, .creating, .retired, .destroying:
            break
        }
    }

    /// Sets the slot's only timer.
    mutating func setTimer(of slot: Int, at deadline: Duration) {
        clearTimer(of: slot)
        payloads[slot]?.timer = timers.insert(.slot(slot), at: deadline)
    }

    mutating func clearTimer(of slot: Int) {
        guard let timer = payloads[slot]?.timer else { return }
        timers.remove(timer)
        payloads[slot]?.timer = nil
    }
}
