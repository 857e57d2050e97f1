internal import AgentBackend

/// What a graceful shutdown came to.
public struct DrainReport: Sendable, Hashable {
    /// Leases that their holders released before the deadline.
    public var finished = 0
    /// Leases still held at the deadline; their entries were destroyed all the same.
    public var cancelled = 0
    /// Acquires that were waiting and were refused, and creations that failed meanwhile.
    public var failed = 0
    /// Entries destroyed.
    public var destroyed = 0

    public init() {}
}

extension PoolStateMachine {
    /// Hands out nothing more, and ends: idle entries now, the others when their last lease has ended, all of
    /// them at `deadline`. Called again, it can only bring the deadline forward.
    package mutating func drain(until deadline: Duration, at now: Duration) -> [Action] {
        var actions: [Action] = []
        switch lifecycle {
        case .stopped:
            return []
        case .draining(let report, let earlier, let hasOverrun):
            lifecycle = .draining(report, deadline: min(earlier, deadline), hasOverrun: hasOverrun)
        case .running:
            ledger.isOpen = false
            var report = DrainReport()
            report.failed = ledger.statistics.waiting
            lifecycle = .draining(report, deadline: deadline, hasOverrun: false)
            for slot in ledger.slots.indices {
                failWaiters(of: slot, .poolIsShuttingDown, &actions)
                switch ledger.slots[slot].phase {
                case .queued, .resting: vacate(slot)
                case .live where ledger.slots[slot].leases == 0: doom(slot, .drain, &actions)
                case .vacant, .creating, .live, .retired, .destroying: break
                }
            }
        }
        overrunIfDue(at: now, &actions)
        finishIfDrained(&actions)
        scheduleWakeUp(&actions)
        return actions
    }

    /// At the drain's deadline: ends what still runs.
    mutating func overrunIfDue(at now: Duration, _ actions: inout [Action]) {
        guard case .draining(var report, let deadline, hasOverrun: false) = lifecycle, deadline <= now else { return }
        report.cancelled = ledger.statistics.leases
        lifecycle = .draining(report, deadline: deadline, hasOverrun: true)
        for slot in ledger.slots.indices where ledger.slots[slot].leases > 0 {
            revokeLeases(of: slot)
            doom(slot, .drain, &actions)
        }
        if ledger.statistics.creating > 0 {
            actions.append(.cancelCreations)
        }
    }

    mutating func finishIfDrained(_ actions: inout [Action]) {
        guard case .draining(let report, _, _) = lifecycle, ledger.statistics.entries == 0 else { return }
        lifecycle = .stopped(report)
        actions.append(.finish)
    }
}
