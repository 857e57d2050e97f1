import AgentBackend
import BackendPool

@testable import BrokerServer

/// A machine whose calls are numbers, with all that it has decided, and the calls that have their slot.
final class CallAdmissionHarness {
    var machine: CallAdmissionMachine<Int>
    var now: Duration = .zero
    /// Calls that went on, in that order, at once or after a wait.
    var begun: [Int] = []
    var refusals: [Int: BackendError] = [:]
    var wakeUps: [Duration] = []
    var tickets: [Int: CallAdmissionTicket] = [:]
    private var orgs: [Int: Org.ID] = [:]
    private var lastCall = 0

    init(calls: Int = 1000, commands: Int = 1000, orgs: [CallAdmissionLimits]) {
        machine = CallAdmissionMachine(BrokerSlots(calls: calls, commands: commands))
        for (org, limits) in orgs.enumerated() { setLimits(limits, of: Org.ID(org)) }
    }

    convenience init(
        calls: Int = 1000,
        commands: Int = 1000,
        orgCount: Int = 1,
        _ change: (inout CallAdmissionLimits) -> Void = { _ in }
    ) {
        var limits = CallAdmissionLimits.wide
        change(&limits)
        self.init(calls: calls, commands: commands, orgs: Array(repeating: limits, count: orgCount))
    }

    func setLimits(_ limits: CallAdmissionLimits, of org: Org.ID) {
        apply(machine.setLimits(limits, of: org, at: now))
    }

    /// A call that wants a slot. Returns its number.
    @discardableResult
    func enter(
        _ slot: CallAdmissionSlot = .call,
        org: Org.ID = 0,
        bytes: Int = 0,
        patience: Duration? = nil,
        since: Duration? = nil
    ) -> Int {
        let call = next(org)
        let request = CallAdmissionMachine<Int>.Request(org: org, bytes: bytes, since: since, patience: patience)
        note(machine.enter(slot, request, waiter: call, at: now), call)
        return call
    }

    /// A call that could not be reserved.
    @discardableResult
    func waitForRate(org: Org.ID = 0, patience: Duration? = nil) -> Int {
        let call = next(org)
        note(machine.waitForRate(.init(org: org, patience: patience), waiter: call, at: now), call)
        return call
    }

    func leave(_ call: Int, _ slot: CallAdmissionSlot = .call, bytes: Int = 0) {
        apply(machine.leave(slot, bytes: bytes, org: orgs[call] ?? 0, at: now))
    }

    /// To a time, by way of every one that the machine asked for.
    func advance(to end: Duration) {
        while let next = wakeUps.min(), next <= end {
            wakeUps.removeAll { $0 == next }
            now = max(now, next)
            apply(machine.tick(at: now))
        }
        now = end
    }

    func reserve(_ org: Org.ID, upTo count: Int, at time: Duration) -> Int {
        machine.reserve(org, upTo: count, at: time)
    }

    func settle(_ org: Org.ID, unused: Int, bytes: Int) -> Bool {
        machine.settle(org, unused: unused, bytes: bytes)
    }

    func connect(_ org: Org.ID) -> BackendError? { machine.connect(org) }

    func cancel(_ ticket: CallAdmissionTicket) -> Bool { machine.cancel(ticket) }

    func isWaiting(_ call: Int) -> Bool { !begun.contains(call) && refusals[call] == nil }

    func org(of call: Int) -> Org.ID? { orgs[call] }

    func apply(_ actions: [CallAdmissionMachine<Int>.Action]) {
        for action in actions {
            switch action {
            case .proceed(let call, _): begun.append(call)
            case .refuse(let call, let error): refusals[call] = error
            case .wakeUp(let time): wakeUps.append(time)
            }
        }
    }

    private func next(_ org: Org.ID) -> Int {
        lastCall += 1
        orgs[lastCall] = org
        return lastCall
    }

    private func note(_ entry: CallAdmissionMachine<Int>.Entry, _ call: Int) {
        switch entry {
        case .proceed: begun.append(call)
        case .wait(let ticket, let wakeUp):
            tickets[call] = ticket
            if let wakeUp { wakeUps.append(wakeUp) }
        case .refuse(let error): refusals[call] = error
        }
    }
}

extension CallAdmissionLimits {
    /// More than any test uses.
    static var wide: CallAdmissionLimits {
        CallAdmissionLimits(Org.Limits(OrgConfiguration.Limits(), defaults: BrokerConfiguration(root: "/r", node: "n")))
    }
}
