internal import AgentBackend
internal import BackendPool

/// Calls and bytes per second.
extension CallAdmissionMachine {
    /// Some calls of an org are about to begin: how many of them may, at most `count`. They are taken; what is not
    /// used is given back with ``settle(_:unused:bytes:)``.
    ///
    /// Bytes are paid for when they have been counted, and who is in debt begins nothing. Calls that wait for their
    /// turn come first.
    mutating func reserve(_ org: Org.ID, upTo count: Int, at now: Duration) -> Int {
        let account = account(of: org, at: now)
        guard accounts[account].throttled.isEmpty else { return 0 }
        accounts[account].calls.refill(at: now)
        accounts[account].bytes.refill(at: now)
        guard !accounts[account].bytes.isInDebt else { return 0 }
        return accounts[account].calls.take(upTo: count)
    }

    /// A batch is over: so many of the calls that were reserved did not come (less than zero: so many frames came beside
    /// them that are to be paid for), and so many bytes went one way or the other. True: what was given back is waited for:
    /// report ``gaveBack(_:at:)``.
    mutating func settle(_ org: Org.ID, unused: Int, bytes: Int) -> Bool {
        let account = account(of: org)
        accounts[account].calls.giveBack(unused)
        accounts[account].bytes.charge(bytes)
        return unused > 0 && !accounts[account].throttled.isEmpty
    }

    mutating func gaveBack(_ org: Org.ID, at now: Duration) -> [Action] {
        var actions: [Action] = []
        serveThrottled(account(of: org, at: now), at: now, &actions)
        if let wakeUp = earlierWakeUp() { actions.append(.wakeUp(at: wakeUp)) }
        return actions
    }

    /// How long an org has to move nothing until its bytes are paid for.
    mutating func debt(of org: Org.ID, at now: Duration) -> Duration {
        let account = account(of: org, at: now)
        accounts[account].bytes.refill(at: now)
        return accounts[account].bytes.timeInDebt
    }

    /// Time until what came beside calls is paid for.
    mutating func callDebt(of org: Org.ID, at now: Duration) -> Duration {
        let account = account(of: org, at: now)
        accounts[account].calls.refill(at: now)
        return accounts[account].calls.time(until: 0)
    }

    /// A call that could not be reserved waits for its turn, and is paid for when it is handed back.
    mutating func waitForRate(_ request: Request, waiter: Waiter, at now: Duration) -> Entry {
        if let refusal = hold(request.bytes, org: request.org, at: now) { return .refuse(refusal) }
        return wait(.rate, account(of: request.org, at: now), request, waiter, at: now)
    }

    mutating func serveThrottled(_ account: Int, at now: Duration, _ actions: inout [Action]) {
        accounts[account].calls.refill(at: now)
        accounts[account].bytes.refill(at: now)
        while let index = accounts[account].throttled.first, !accounts[account].bytes.isInDebt,
            accounts[account].calls.take(upTo: 1) == 1, let record = remove(index)
        {
            timers.remove(record.deadline)
            actions.append(.proceed(record.payload, since: record.since))
        }
        setRefillTimer(account, at: now)
    }

    /// For the moment at which the first of those that wait may go on.
    mutating func setRefillTimer(_ account: Int, at now: Duration) {
        if let timer = accounts[account].refill {
            timers.remove(timer)
            accounts[account].refill = nil
        }
        guard !accounts[account].throttled.isEmpty else { return }
        accounts[account].refill = timers.insert(
            .refill(account: account),
            at: now + timeToNextCall(account, waitingBefore: 0, at: now)
        )
    }

    /// Time until a call may begin that has so many before it.
    func timeToNextCall(_ account: Int, waitingBefore count: Int, at now: Duration) -> Duration {
        var (calls, bytes) = (accounts[account].calls, accounts[account].bytes)
        calls.refill(at: now)
        bytes.refill(at: now)
        return max(calls.time(until: count + 1), bytes.timeInDebt)
    }
}
