/// Why an entry was destroyed.
public enum DestructionReason: Sendable, Hashable {
    /// It was without a lease for `idleTimeout`.
    case idle
    /// It was idle and in the way of others.
    case room
    /// It was older than `maxLifetime`.
    case lifetime
    /// Its backend was no longer connected.
    case unusable
    /// It had no key and its lease ended.
    case keyless
    /// Someone asked for it.
    case evicted
    case drain
}

/// What an eviction came to.
public enum EvictionOutcome: Sendable, Hashable {
    /// The key has no live entry.
    case notLive
    /// The entry is being destroyed.
    case destroyed
    /// The entry is handed out no more and is destroyed when its last lease ends.
    case retired
}

extension PoolStateMachine {
    /// A lease has ended.
    package mutating func released(_ id: LeaseID, at now: Duration) -> [Action] {
        guard let slot = ledger.release(id, at: now) else { return [] }
        var actions: [Action] = []
        if case .draining(var report, let deadline, let hasOverrun) = lifecycle {
            report.finished += 1
            lifecycle = .draining(report, deadline: deadline, hasOverrun: hasOverrun)
        }
        let account = ledger.slots[slot].org
        let isLast = ledger.slots[slot].leases == 0
        switch ledger.slots[slot].phase {
        case .retired where isLast:
            doom(slot, payloads[slot]?.ending ?? .evicted, &actions)
        case .live where isLast && !ledger.isOpen:
            doom(slot, .drain, &actions)
        case .live where isLast && !ledger.slots[slot].isKeyed:
            doom(slot, .keyless, &actions)
        case .live where !ledger.slots[slot].waiters.isEmpty:
            if isUsable(slot) {
                serveWaiters(of: slot, isNew: false, at: now, &actions)
            } else {
                retire(slot, .unusable, &actions)
            }
        case .live where isLast:
            if ledger.slots[slot].needsIdleTimer {
                watch(slot)
            }
            serve(account, &actions)
        case .vacant, .resting, .queued, .creating, .live, .retired, .destroying:
            break
        }
        scheduleWakeUp(&actions)
        return actions
    }

    /// A lease's holder let go of it without a release.
    package mutating func abandoned(_ id: LeaseID, of key: PoolKey, at now: Duration) -> [Action] {
        ledger.statistics.abandonedLeases &+= 1
        if let account = ledger.account(of: key.org) {
            ledger.accounts[account].statistics.abandonedLeases &+= 1
        }
        return released(id, at: now)
    }

    /// The driver has done what `.destroy` asked for.
    package mutating func destroyed(_ destruction: Destruction, at now: Duration) -> [Action] {
        var actions: [Action] = []
        let account = ledger.slots[destruction.slot].org
        vacate(destruction.slot)
        if case .draining(var report, let deadline, let hasOverrun) = lifecycle {
            report.destroyed += 1
            lifecycle = .draining(report, deadline: deadline, hasOverrun: hasOverrun)
        }
        beginDestructions(&actions)
        serve(account, &actions)
        finishIfDrained(&actions)
        scheduleWakeUp(&actions)
        return actions
    }

    /// Ends the entry of a key: now where `force` says so or no lease is out, else with its last lease.
    package mutating func evict(
        _ key: PoolKey,
        force: Bool,
        at now: Duration
    ) -> (outcome: EvictionOutcome, actions: [Action]) {
        guard key.name != nil, let slot = ledger.slot(of: key), ledger.slots[slot].phase == .live else {
            return (.notLive, [])
        }
        var actions: [Action] = []
        if force {
            revokeLeases(of: slot)
        }
        let outcome: EvictionOutcome = ledger.slots[slot].leases == 0 ? .destroyed : .retired
        retire(slot, .evicted, &actions)
        scheduleWakeUp(&actions)
        return (outcome, actions)
    }

    /// As ``evict(_:force:at:)`` without force, of all keys of an org. Takes time in proportion to what lives.
    package mutating func evictAll(of org: OrgID, at now: Duration) -> [Action] {
        guard let account = ledger.account(of: org) else { return [] }
        var actions: [Action] = []
        for slot in ledger.slots.indices
        where ledger.slots[slot].org == account && ledger.slots[slot].phase == .live && ledger.slots[slot].isKeyed {
            retire(slot, .evicted, &actions)
        }
        scheduleWakeUp(&actions)
        return actions
    }

    /// Hands a live entry out no more and destroys it when its last lease has ended. Those that wait for a
    /// lease of it get a successor.
    mutating func retire(
        _ slot: Int,
        _ reason: DestructionReason,
        _ actions: inout [Action]
    ) {
        if ledger.slots[slot].waiters.isEmpty {
            detach(slot, reason, &actions)
        } else {
            requestRoom(replace(slot, reason, nil, &actions), &actions)
        }
    }

    /// Retires a live entry and gives its key and its waiters, who keep their configuration, a new slot, still
    /// vacant.
    mutating func replace(
        _ slot: Int,
        _ reason: DestructionReason,
        _ wanted: Configuration?,
        _ actions: inout [Action]
    ) -> Int {
        guard let payload = payloads[slot] else { return slot }
        ledger.forget(payload.key, of: slot)
        let keepsConfiguration = !ledger.slots[slot].waiters.isEmpty
        let successor = takeSlot(for: payload.key, keepsConfiguration ? payload.configuration : wanted)
        waiters.move(from: slot, to: successor, in: &ledger)
        detach(slot, reason, &actions)
        return successor
    }

    private mutating func detach(_ slot: Int, _ reason: DestructionReason, _ actions: inout [Action]) {
        guard let key = payloads[slot]?.key else { return }
        ledger.forget(key, of: slot)
        guard ledger.slots[slot].leases > 0 else {
            doom(slot, reason, &actions)
            return
        }
        clearTimer(of: slot)
        payloads[slot]?.ending = reason
        ledger.change(slot) { $0.phase = .retired }
    }

    /// Ends the leases of an entry that is about to be destroyed all the same.
    mutating func revokeLeases(of slot: Int) {
        payloads[slot]?.revokedLeases = ledger.revokeLeases(of: slot)
    }

    /// Destroys an entry without leases and waiters. From here on nothing can reach it.
    mutating func doom(_ slot: Int, _ reason: DestructionReason, _ actions: inout [Action]) {
        guard let key = payloads[slot]?.key else { return }
        ledger.forget(key, of: slot)
        clearTimer(of: slot)
        payloads[slot]?.ending = reason
        ledger.change(slot) { $0.phase = .destroying }
        count(reason, slot)
        beginDestructions(&actions)
    }

    mutating func beginDestructions(_ actions: inout [Action]) {
        while let slot = ledger.nextDoomed() {
            guard let payload = payloads[slot], let entry = entries[slot], let reason = payload.ending
            else { continue }
            // The driver's reference is the last: no entry is ever freed under its lock.
            entries[slot] = nil
            actions.append(
                .destroy(
                    Destruction(
                        key: payload.key,
                        entry: entry,
                        reason: reason,
                        revokedLeases: payload.revokedLeases,
                        slot: slot
                    )
                )
            )
        }
    }

    private mutating func count(_ reason: DestructionReason, _ slot: Int) {
        func count(_ statistics: inout PoolStatistics) {
            switch reason {
            case .idle, .lifetime: statistics.expirations &+= 1
            case .room: statistics.evictions &+= 1
            case .unusable: statistics.replacements &+= 1
            case .keyless, .evicted, .drain: break
            }
        }
        count(&ledger.statistics)
        count(&ledger.accounts[ledger.slots[slot].org].statistics)
    }
}
