internal import AgentBackend
internal import BackendPool

/// Time, limits and looks from outside.
extension CallAdmissionMachine {
    /// Time has passed.
    mutating func tick(at now: Duration) -> [Action] {
        var actions: [Action] = []
        while let outstanding = wakeUps.last, outstanding <= now { wakeUps.removeLast() }
        while let timer = timers.popDue(at: now) {
            switch timer {
            case .deadline(let index):
                // The error tells what was in the way while it waited.
                guard let error = timeoutError(index, at: now), let record = remove(index) else { continue }
                actions.append(.refuse(record.payload, error))
            case .refill(let account):
                accounts[account].refill = nil
                serveThrottled(account, at: now, &actions)
            }
        }
        if let wakeUp = earlierWakeUp() { actions.append(.wakeUp(at: wakeUp)) }
        return actions
    }

    /// What an org may from now on. What was begun goes on, also where that is more.
    mutating func setLimits(_ limits: CallAdmissionLimits, of org: Org.ID, at now: Duration) -> [Action] {
        let account = account(of: org, at: now)
        accounts[account].setLimits(limits, at: now)
        var actions: [Action] = []
        serveThrottled(account, at: now, &actions)
        for slot in CallAdmissionSlot.allCases {
            refreshRing(account, slot)
            serve(slot, &actions)
        }
        if let wakeUp = earlierWakeUp() { actions.append(.wakeUp(at: wakeUp)) }
        return actions
    }

    /// What the broker has from now on.
    mutating func setSlots(_ slots: BrokerSlots) -> [Action] {
        gates[CallAdmissionSlot.call.rawValue].capacity = slots.calls
        gates[CallAdmissionSlot.command.rawValue].capacity = slots.commands
        var actions: [Action] = []
        for slot in CallAdmissionSlot.allCases {
            serve(slot, &actions)
        }
        return actions
    }

    func snapshot(of org: Org.ID, at now: Duration) -> CallAdmissionSnapshot {
        guard accounts.indices.contains(Int(org)) else { return CallAdmissionSnapshot() }
        let account = accounts[Int(org)]
        var snapshot = CallAdmissionSnapshot()
        snapshot.connections = account.connections
        snapshot.callsInFlight = account.shares[CallAdmissionSlot.call.rawValue].used
        snapshot.commandsRunning = account.shares[CallAdmissionSlot.command.rawValue].used
        snapshot.bytesInFlight = account.heldBytes
        snapshot.waiting = Int(account.waiting.count)
        snapshot.longestWait = longestWait(Int(org), at: now)
        snapshot.refusals = account.refusals
        return snapshot
    }

    /// Of all orgs together.
    func snapshot(at now: Duration) -> CallAdmissionSnapshot {
        accounts.indices.reduce(into: CallAdmissionSnapshot()) { $0.add(snapshot(of: Org.ID($1), at: now)) }
    }

    /// The time at which to report ``tick(at:)``, where no earlier one is outstanding.
    mutating func earlierWakeUp() -> Duration? {
        guard let earliest = timers.earliest else { return nil }
        if let outstanding = wakeUps.last, outstanding <= earliest { return nil }
        wakeUps.append(earliest)
        return earliest
    }

    // MARK: Refusals

    /// Counts it.
    mutating func refusal(
        _ limit: CallAdmissionLimit,
        _ account: Int,
        _ used: Int,
        _ allowed: Int,
        retryAfter: Duration?
    ) -> BackendError {
        accounts[account].refusals.count(limit)
        return .overLimit(limit, used: used, allowed: allowed, retryAfter: retryAfter)
    }

    /// Why a call that waits has waited in vain; nil where nobody waits.
    private mutating func timeoutError(_ index: Int, at now: Duration) -> BackendError? {
        guard let record = waiters[index] else { return nil }
        let account = record.account
        switch record.stage {
        case .slot(let slot):
            let share = accounts[account].shares[slot.rawValue]
            let allowed = accounts[account].limits.slots(slot)
            let retryAfter = patience(account, at: now)
            guard share.used < allowed else {
                return refusal(.of(slot), account, share.used, allowed, retryAfter: retryAfter)
            }
            let gate = gates[slot.rawValue]
            return refusal(.ofBroker(slot), account, gate.used, gate.capacity, retryAfter: retryAfter)
        case .rate:
            // Behind all that still wait, but itself.
            let others = Int(accounts[account].throttled.count) - 1
            let retryAfter = timeToNextCall(account, waitingBefore: others, at: now)
            let isInDebt = accounts[account].bytes.isInDebt
            let limit: CallAdmissionLimit = isInDebt ? .bytesPerSecond : .callsPerSecond
            let rate = isInDebt ? accounts[account].limits.bytesPerSecond : accounts[account].limits.callsPerSecond
            return refusal(limit, account, rate, rate, retryAfter: retryAfter)
        }
    }

    /// What to advise where nobody can know: as long as calls wait at present.
    func patience(_ account: Int, at now: Duration) -> Duration {
        min(max(longestWait(account, at: now), Self.leastWait), accounts[account].limits.queueTimeout)
    }

    private func longestWait(_ account: Int, at now: Duration) -> Duration {
        guard let first = accounts[account].waiting.first, let record = waiters[first] else { return .zero }
        return max(now - record.since, .zero)
    }

    static var leastWait: Duration { .milliseconds(100) }
}
