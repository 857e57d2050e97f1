internal import AgentBackend

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
            if let endOfLife = payloads[slot]?.endOfLife, endOfLife <= now {
                retire(slot, .lifetime, &actions)
            } else if let end = endOfOwnIdleTime(slot), end <= now {
                doom(slot, .idle, &actions)
            } else {
                watch(slot)
            }
        case .resting where ledger.slots[slot].waiters.isEmpty:
            vacate(slot)
        case .resting:
            requestRoom(slot, &actions)
        case .vacant, .queued, .creating, .retired, .destroying:
            break
        }
    }

    /// Sets the timer of a live entry: for the end of its life, or that of its idle time where that comes first and
    /// is the entry's own.
    ///
    /// The timer is not taken back when the entry is used, nor set anew when it becomes idle again, so that hits cost
    /// nothing: it fires too early then, and is set anew once.
    mutating func watch(_ slot: Int) {
        let endOfLife = payloads[slot]?.endOfLife
        let endOfIdleTime = endOfOwnIdleTime(slot)
        ledger.slots[slot].needsIdleTimer = endOfIdleTime == nil && ownIdleTimeout(slot) != nil
        clearTimer(of: slot)
        if let deadline = [endOfLife, endOfIdleTime].compactMap({ $0 }).min() {
            setTimer(of: slot, at: deadline)
        }
    }

    /// nil while it is in use, and where the pool's cleanup sees to its end.
    private func endOfOwnIdleTime(_ slot: Int) -> Duration? {
        guard ledger.slots[slot].standing == .idle, let timeout = ownIdleTimeout(slot) else { return nil }
        return ledger.slots[slot].idleSince + timeout
    }

    /// How long a live entry may be idle where the pool's cleanup does not see to that; nil also where it is for ever.
    private func ownIdleTimeout(_ slot: Int) -> Duration? {
        switch payloads[slot]?.idleTimeout {
        case .after(let timeout): timeout
        case .pool: ledger.slots[slot].expiresWithPool ? nil : configuration.idleTimeout
        case .never, nil: nil
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

extension IdleTimeout {
    /// Within what a configuration may say, too.
    var inBounds: IdleTimeout {
        guard case .after(let timeout) = self else { return self }
        return .after(min(max(timeout, PoolConfiguration.shortest), PoolConfiguration.longest))
    }
}
