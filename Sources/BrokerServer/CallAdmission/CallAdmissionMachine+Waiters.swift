internal import AgentBackend
internal import BackendPool

/// Calls that wait: how they join, how they leave, and whose turn it is.
extension CallAdmissionMachine {
    /// A waiter gives up. False: it was handed back already.
    mutating func cancel(_ ticket: CallAdmissionTicket) -> Bool {
        guard generations.indices.contains(ticket.index), generations[ticket.index] == ticket.generation,
            let record = remove(ticket.index)
        else { return false }
        timers.remove(record.deadline)
        return true
    }

    mutating func wait(
        _ stage: Stage,
        _ account: Int,
        _ request: Request,
        _ waiter: Waiter,
        at now: Duration
    ) -> Entry {
        let (used, allowed) = (Int(accounts[account].waiting.count), accounts[account].limits.queuedCalls)
        guard used < allowed else {
            accounts[account].heldBytes -= request.bytes
            return .refuse(refusal(.queuedCalls, account, used, allowed, retryAfter: patience(account, at: now)))
        }
        let index = vacant.popLast() ?? waiters.count
        if index == waiters.count {
            waiters.append(nil)
            generations.append(0)
            queueLinks.grow(to: waiters.count)
            ageLinks.grow(to: waiters.count)
        }
        let longest = accounts[account].limits.queueTimeout
        let since = request.since ?? now
        let deadline = since + min(request.patience ?? longest, longest)
        waiters[index] = Record(
            payload: waiter,
            account: account,
            stage: stage,
            since: since,
            deadline: timers.insert(.deadline(index), at: deadline)
        )
        ageLinks.append(index, to: &accounts[account].waiting)
        switch stage {
        case .rate:
            queueLinks.append(index, to: &accounts[account].throttled)
            setRefillTimer(account, at: now)
        case .slot(let slot):
            queueLinks.append(index, to: &accounts[account].shares[slot.rawValue].queue)
            refreshRing(account, slot)
        }
        let ticket = CallAdmissionTicket(index: index, generation: generations[index])
        return .wait(ticket, wakeUp: earlierWakeUp())
    }

    /// Its deadline timer is for the caller to take back.
    mutating func remove(_ index: Int) -> Record? {
        guard let record = waiters[index] else { return nil }
        waiters[index] = nil
        generations[index] &+= 1
        vacant.append(index)
        ageLinks.remove(index, from: &accounts[record.account].waiting)
        switch record.stage {
        case .rate:
            queueLinks.remove(index, from: &accounts[record.account].throttled)
        case .slot(let slot):
            queueLinks.remove(index, from: &accounts[record.account].shares[slot.rawValue].queue)
            refreshRing(record.account, slot)
        }
        return record
    }

    /// Gives the broker's slots to those whose turn it is, while there are any.
    mutating func serve(_ slot: CallAdmissionSlot, _ actions: inout [Action]) {
        let kind = slot.rawValue
        while gates[kind].used < gates[kind].capacity, let account = gates[kind].ring.first,
            let index = accounts[account].shares[kind].queue.first
        {
            gates[kind].ring.grant(weight: accounts[account].limits.weight)
            gates[kind].used += 1
            accounts[account].shares[kind].used += 1
            guard let record = remove(index) else { return }
            timers.remove(record.deadline)
            actions.append(.proceed(record.payload, since: record.since))
        }
    }

    /// An org is in the ring while a call of it waits that its own limit does not hold up.
    mutating func refreshRing(_ account: Int, _ slot: CallAdmissionSlot) {
        let share = accounts[account].shares[slot.rawValue]
        let belongs = !share.queue.isEmpty && share.used < accounts[account].limits.slots(slot)
        guard belongs != share.isInRing else { return }
        accounts[account].shares[slot.rawValue].isInRing = belongs
        if belongs {
            gates[slot.rawValue].ring.join(account)
        } else {
            gates[slot.rawValue].ring.leave(account)
        }
    }
}
