internal import AgentBackend

extension PoolStateMachine {
    /// Someone wants a lease of `key` and has not been given one by ``hit(_:configuration:at:)``.
    ///
    /// `configuration` nil: that of the live entry, or the pool's default for a new one. The wait ends
    /// `queueDeadline` (nil: the pool's default) from now: with `RESOURCE_EXHAUSTED` where there was no room
    /// or no lease left, with `DEADLINE_EXCEEDED` where the creation took too long.
    package mutating func acquire(
        _ key: PoolKey,
        configuration wanted: Configuration?,
        queueDeadline: Duration?,
        waiter: Waiter,
        id: WaiterID,
        at now: Duration
    ) -> [Action] {
        guard case .running = lifecycle else {
            return [.resume(waiter, .failure(.poolIsShuttingDown))]
        }
        if let lease = hit(key, configuration: wanted, at: now) {
            return [.resume(waiter, .success(lease))]
        }
        let account = ledger.openAccount(of: key.org)
        if let conflict = conflict(key, wanted) {
            return [.resume(waiter, .failure(conflict))]
        }
        ledger.statistics.misses &+= 1
        ledger.accounts[account].statistics.misses &+= 1
        let deadline = now + (queueDeadline ?? configuration.defaultQueueDeadline)
        if let refusal = refusal(key, account, until: deadline, at: now) {
            return [.resume(waiter, .failure(refusal))]
        }

        var actions: [Action] = []
        let slot = slotToWait(for: key, wanted, &actions)
        waiters.add(
            .init(
                id: id,
                payload: waiter,
                account: account,
                since: now,
                deadline: timers.insert(.waiter(waiters.nextIndex), at: deadline),
                slot: slot
            ),
            to: &ledger
        )
        switch ledger.slots[slot].phase {
        case .vacant:
            requestRoom(slot, &actions)
        case .resting:
            wakeResting(slot, at: now, &actions)
        case .queued, .creating, .live, .retired, .destroying:
            break
        }
        scheduleWakeUp(&actions)
        return actions
    }

    /// The caller of an acquire has gone. Does nothing where it has been answered already. A creation goes on.
    package mutating func cancel(_ id: WaiterID, at now: Duration) -> [Action] {
        guard let index = waiters.index(of: id), let waiter = removeWaiter(index) else { return [] }
        var actions: [Action] = [.resume(waiter.payload, .failure(.acquireWasCancelled))]
        slotLostWaiter(waiter.slot, at: now)
        scheduleWakeUp(&actions)
        return actions
    }

    /// A waiter's deadline has passed; its timer is spent.
    mutating func timeOut(_ index: Int, at now: Duration, _ actions: inout [Action]) {
        guard let waiter = waiters.remove(index, from: &ledger) else { return }
        ledger.statistics.timeouts &+= 1
        ledger.accounts[waiter.account].statistics.timeouts &+= 1
        actions.append(.resume(waiter.payload, .failure(reasonForWaiting(waiter, at: now))))
        slotLostWaiter(waiter.slot, at: now)
    }

    mutating func removeWaiter(_ index: Int) -> WaiterTable<Waiter>.Record? {
        guard let waiter = waiters.remove(index, from: &ledger) else { return nil }
        timers.remove(waiter.deadline)
        return waiter
    }

    /// Fails all that wait for a slot.
    mutating func failWaiters(of slot: Int, _ error: BackendError, _ actions: inout [Action]) {
        while let index = ledger.slots[slot].waiters.first, let waiter = removeWaiter(index) {
            actions.append(.resume(waiter.payload, .failure(error)))
        }
    }

    // MARK: Refusals

    private func conflict(_ key: PoolKey, _ wanted: Configuration?) -> BackendError? {
        guard let wanted, key.name != nil, let slot = ledger.slot(of: key), let payload = payloads[slot],
            payload.configuration != wanted
        else { return nil }
        switch ledger.slots[slot].phase {
        case .queued, .creating:
            return .configurationConflict
        case .resting:
            return ledger.slots[slot].waiters.isEmpty ? nil : .configurationConflict
        case .live:
            // Those that wait for a lease take their configuration along to the successor.
            return isUsable(slot) || !ledger.slots[slot].waiters.isEmpty ? .configurationConflict : nil
        case .vacant, .retired, .destroying:
            return nil
        }
    }

    private mutating func refusal(
        _ key: PoolKey,
        _ account: Int,
        until deadline: Duration,
        at now: Duration
    ) -> BackendError? {
        let waiting = Int(ledger.accounts[account].waiters.count)
        let limits = ledger.accounts[account].limits
        if waiting >= limits.maxWaiters || limits.maxEntries == 0 {
            ledger.statistics.refusals &+= 1
            ledger.accounts[account].statistics.refusals &+= 1
            return limits.maxEntries == 0
                ? .noEntriesAllowed(limit("org_entries", 0, 0))
                : .tooManyWaiters(
                    limit("org_waiting_acquires", waiting, limits.maxWaiters),
                    retryAfter: max(waiters.wait(of: ledger.accounts[account].waiters, at: now), Self.leastWait)
                )
        }
        guard let slot = ledger.slot(of: key), ledger.slots[slot].phase == .resting,
            let failures = payloads[slot]?.failures, failures.retryAt > deadline
        else { return nil }
        return .creationRests(after: failures.last, for: failures.retryAt - now)
    }

    /// What was in the way of one that has waited until now.
    private func reasonForWaiting(_ waiter: WaiterTable<Waiter>.Record, at now: Duration) -> BackendError {
        let slot = waiter.slot
        // Nobody knows when there will be room: what comes now may well wait as long.
        let retryAfter = max(now - waiter.since, Self.leastWait)
        switch ledger.slots[slot].phase {
        case .live:
            let used = Int(ledger.slots[slot].leases)
            let limit = limit("entry_leases", used, Int(ledger.slots[slot].maxLeases))
            return .noRoomInTime(limit, retryAfter: retryAfter)
        case .queued where ledger.isFull(ledger.slots[slot].org):
            let account = ledger.accounts[ledger.slots[slot].org]
            let limit = limit("org_entries", account.statistics.entries, account.limits.maxEntries)
            return .noRoomInTime(limit, retryAfter: retryAfter)
        case .queued:
            let limit = limit("entries", ledger.statistics.entries, configuration.maxEntries)
            return .noRoomInTime(limit, retryAfter: retryAfter)
        case .vacant, .resting, .creating, .retired, .destroying:
            return .creationTookTooLong
        }
    }

    /// What is advised at the least.
    private static var leastWait: Duration { .milliseconds(100) }

    private func limit(_ name: String, _ used: Int, _ allowed: Int) -> LimitDetails {
        LimitDetails(name: name, used: UInt64(clamping: used), allowed: UInt64(clamping: allowed))
    }

    // MARK: Slots

    /// The slot that an acquire of `key` waits for; still vacant where it is a new one.
    private mutating func slotToWait(
        for key: PoolKey,
        _ wanted: Configuration?,
        _ actions: inout [Action]
    ) -> Int {
        guard key.name != nil, let slot = ledger.slot(of: key) else { return takeSlot(for: key, wanted) }
        if ledger.slots[slot].phase == .live, !isUsable(slot) {
            return replace(slot, .unusable, wanted, &actions)
        }
        if ledger.slots[slot].phase == .resting, ledger.slots[slot].waiters.isEmpty {
            let configuration = wanted ?? defaultConfiguration
            payloads[slot]?.configuration = configuration
        }
        return slot
    }

    func isUsable(_ slot: Int) -> Bool { entries[slot]?.isUsable ?? false }

    mutating func takeSlot(for key: PoolKey, _ wanted: Configuration?) -> Int {
        let slot = ledger.takeSlot(for: key)
        if slot == payloads.count {
            payloads.append(nil)
            entries.append(nil)
        }
        payloads[slot] = Payload(key: key, configuration: wanted ?? defaultConfiguration)
        return slot
    }

    /// Forgets a slot that has neither entry nor waiters.
    mutating func vacate(_ slot: Int) {
        clearTimer(of: slot)
        if let key = payloads[slot]?.key {
            ledger.forget(key, of: slot)
        }
        payloads[slot] = nil
        ledger.vacate(slot)
    }

    /// A slot that rests has someone waiting again.
    private mutating func wakeResting(_ slot: Int, at now: Duration, _ actions: inout [Action]) {
        if let retryAt = payloads[slot]?.failures?.retryAt, retryAt > now {
            setTimer(of: slot, at: retryAt)
        } else {
            requestRoom(slot, &actions)
        }
    }

    private mutating func slotLostWaiter(_ slot: Int, at now: Duration) {
        guard ledger.slots[slot].waiters.isEmpty else { return }
        switch ledger.slots[slot].phase {
        case .queued, .resting:
            restOrVacate(slot, at: now)
        case .vacant, .creating, .live, .retired, .destroying:
            break
        }
    }
}
