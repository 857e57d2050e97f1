package import AgentBackend

extension PoolStateMachine {
    /// Puts a slot in the queue for room; where there is room it leaves it again at once.
    mutating func requestRoom(_ slot: Int, _ actions: inout [Action]) {
        clearTimer(of: slot)
        ledger.change(slot) { $0.phase = .queued }
        serve(ledger.slots[slot].org, &actions)
    }

    /// Room, or the need for it, has changed through an event of one org: grants what can be granted, and
    /// makes room where idle entries are in the way.
    mutating func serve(_ account: Int, _ actions: inout [Action]) {
        while let slot = ledger.grantRoom() {
            guard let payload = payloads[slot] else { continue }
            actions.append(
                .create(Creation(key: payload.key, configuration: payload.configuration, slot: slot))
            )
        }
        while let slot = ledger.victim(for: account) {
            doom(slot, .room, &actions)
        }
    }

    /// The driver has made the entry that `.create` asked for.
    package mutating func created(_ creation: Creation, entry: Entry, at now: Duration) -> [Action] {
        let slot = creation.slot
        let account = ledger.slots[slot].org
        ledger.statistics.creations &+= 1
        ledger.accounts[account].statistics.creations &+= 1
        entries[slot] = entry
        payloads[slot]?.failures = nil
        payloads[slot]?.liveSince = now
        let (isEvictable, idleTimeout, maxLeases) = (entry.isEvictable, entry.idleTimeout.inBounds, entry.maxLeases)
        payloads[slot]?.idleTimeout = idleTimeout
        payloads[slot]?.maxLeases = maxLeases
        ledger.setMaxLeases(of: slot, maxLeases)
        ledger.change(slot) {
            $0.phase = .live
            $0.isEvictable = isEvictable
            $0.expiresWithPool = isEvictable && idleTimeout == .pool
            $0.idleSince = now
        }
        var actions: [Action] = []
        switch lifecycle {
        case .running where creation.key.name == nil && ledger.slots[slot].waiters.isEmpty:
            doom(slot, .keyless, &actions)
        case .running:
            if isEvictable, let lifetime = configuration.maxLifetime {
                let endOfLife = now + random.shortened(lifetime, by: configuration.lifetimeJitter)
                payloads[slot]?.endOfLife = endOfLife
            }
            serveWaiters(of: slot, isNew: true, at: now, &actions)
            watch(slot)
            serve(account, &actions)
        case .draining, .stopped:
            doom(slot, .drain, &actions)
        }
        scheduleWakeUp(&actions)
        return actions
    }

    /// The driver could not make the entry that `.create` asked for.
    package mutating func creationFailed(
        _ creation: Creation,
        _ error: BackendError,
        at now: Duration
    ) -> [Action] {
        let slot = creation.slot
        let account = ledger.slots[slot].org
        ledger.statistics.creationFailures &+= 1
        ledger.accounts[account].statistics.creationFailures &+= 1
        var actions: [Action] = []
        failWaiters(of: slot, error, &actions)
        noteFailure(of: slot, error, at: now)
        if case .draining(var report, let deadline, let hasOverrun) = lifecycle {
            report.failed += 1
            lifecycle = .draining(report, deadline: deadline, hasOverrun: hasOverrun)
            vacate(slot)
            finishIfDrained(&actions)
        } else {
            restOrVacate(slot, at: now)
            serve(account, &actions)
        }
        scheduleWakeUp(&actions)
        return actions
    }

    /// Gives the leases that a live entry has left to those that wait for it.
    mutating func serveWaiters(of slot: Int, isNew: Bool, at now: Duration, _ actions: inout [Action]) {
        var isNew = isNew
        while ledger.hasLeaseLeft(slot), let entry = entries[slot],
            let index = ledger.slots[slot].waiters.first, let waiter = removeWaiter(index)
        {
            let wait = now - waiter.since
            ledger.statistics.waits.record(wait)
            ledger.accounts[waiter.account].statistics.waits.record(wait)
            let id = ledger.beginLease(on: slot, at: now, isHit: false)
            actions.append(.resume(waiter.payload, .success(LeaseGrant(id: id, entry: entry, isNew: isNew))))
            isNew = false
        }
    }

    // MARK: Rest after a failure

    private mutating func noteFailure(of slot: Int, _ error: BackendError, at now: Duration) {
        let count = (payloads[slot]?.failures?.count ?? 0) + 1
        let backoff = configuration.creationBackoff
        // 2^30 times the least initial delay is 12 days: more than any maximum that makes sense.
        let delay = min(backoff.initial * (1 << min(count - 1, 30)), backoff.maximum)
        let rest = random.shortened(delay, by: backoff.jitter)
        payloads[slot]?.failures = Failures(count: count, last: error, retryAt: now + rest)
    }

    /// For a slot without entry and waiters: keeps it until its failures are forgotten, if it had any.
    ///
    /// An org's failures are kept for as many keys as it may have entries: they must not fill the memory.
    mutating func restOrVacate(_ slot: Int, at now: Duration) {
        let account = ledger.slots[slot].org
        let forgetAt = payloads[slot]?.failures.map { $0.retryAt + configuration.creationBackoff.maximum }
        guard let forgetAt, forgetAt > now, ledger.slots[slot].isKeyed,
            ledger.slots[slot].phase == .resting
                || ledger.accounts[account].resting < ledger.accounts[account].limits.maxEntries
        else {
            vacate(slot)
            return
        }
        ledger.change(slot) { $0.phase = .resting }
        setTimer(of: slot, at: forgetAt)
    }
}
