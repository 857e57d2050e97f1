import AgentBackend
import BackendPool
import Testing

@testable import BrokerServer

/// Long random histories of the machine, each beside a plain model of what its driver knows. The same seed gives the
/// same history.
@Suite struct CallAdmissionExplorerTests {
    @Test(arguments: 1...40)
    func everyHistoryKeepsTheRules(seed: UInt64) {
        var history = History(seed: seed, changesLimits: true)
        for step in 0..<1500 {
            history.step()
            let violations = history.audit()
            #expect(violations.isEmpty, "step \(step): \(violations)")
            guard violations.isEmpty else { return }
        }
        history.end()
        #expect(history.audit().isEmpty)
        // Every call was handed back once at the most.
        let begun = Set(history.harness.begun)
        #expect(begun.count == history.harness.begun.count)
        #expect(begun.isDisjoint(with: history.harness.refusals.keys))
        #expect(history.harness.machine.timers.count == 0)
        #expect(history.harness.machine.waiters.allSatisfy { $0 == nil })
    }

    /// While limits stay as they are, nobody begins two calls before the one that an org has waiting.
    @Test(arguments: 1...40)
    func nobodyIsOvertakenTwice(seed: UInt64) {
        var history = History(seed: seed, changesLimits: false)
        for step in 0..<1500 {
            history.step()
            #expect(history.overtaken.isEmpty, "step \(step): \(history.overtaken)")
            guard history.overtaken.isEmpty else { return }
        }
    }
}

/// A machine and a model of it.
private struct History {
    struct Call {
        let org: Org.ID
        let slot: CallAdmissionSlot
        let bytes: Int
        var isRunning = false
        /// Calls of each other org that were begun since it was the first of its org to wait.
        var overtakers: [Org.ID: Int] = [:]
    }

    let harness: CallAdmissionHarness
    /// Calls that have not been answered.
    private(set) var calls: [Int: Call] = [:]
    /// Calls that somebody overtook twice.
    private(set) var overtaken: [Int] = []
    private var limits: [CallAdmissionLimits]
    private var slots = BrokerSlots(calls: 3, commands: 2)
    private let changesLimits: Bool
    private var random: Numbers
    private var begun = 0
    private var refused: Set<Int> = []

    private struct Numbers: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var mixed = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
            return mixed ^ (mixed >> 31)
        }
    }

    init(seed: UInt64, changesLimits: Bool) {
        limits = Array(repeating: .wide, count: 4)
        harness = CallAdmissionHarness(calls: slots.calls, commands: slots.commands, orgs: limits)
        self.changesLimits = changesLimits
        random = Numbers(state: seed)
    }

    mutating func step() {
        let waiting = calls.filter { !$0.value.isRunning }.map(\.key).sorted()
        let running = calls.filter { $0.value.isRunning }.map(\.key).sorted()
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<8:
            enter()
        case 8..<15:
            if let call = running.randomElement(using: &random) { leave(call) }
        case 15..<17:
            if let call = waiting.randomElement(using: &random) { cancel(call) }
        case 17:
            harness.advance(to: harness.now + .milliseconds(Int.random(in: 0...20_000, using: &random)))
        default:
            if changesLimits { changeLimits() }
        }
        note()
    }

    /// All that is left is answered or gives up.
    mutating func end() {
        for call in calls.filter({ !$0.value.isRunning }).map(\.key).sorted() { cancel(call) }
        note()
        while let call = calls.keys.sorted().first {
            leave(call)
            note()
        }
        // Time that nobody waits for any more.
        harness.advance(to: harness.now + .seconds(3600))
    }

    private mutating func enter() {
        let org = Org.ID.random(in: 0..<4, using: &random)
        let slot: CallAdmissionSlot = Bool.random(using: &random) ? .call : .command
        let bytes = Int.random(in: 0...100, using: &random)
        let patience: Duration = .milliseconds(Int.random(in: 1...60_000, using: &random))
        let call = harness.enter(slot, org: org, bytes: bytes, patience: patience)
        calls[call] = Call(org: org, slot: slot, bytes: bytes)
    }

    private mutating func leave(_ call: Int) {
        guard let left = calls.removeValue(forKey: call) else { return }
        harness.leave(call, left.slot, bytes: left.bytes)
    }

    private mutating func cancel(_ call: Int) {
        guard let ticket = harness.tickets[call], harness.cancel(ticket), let left = calls.removeValue(forKey: call)
        else { return }
        harness.apply(harness.machine.leave(nil, bytes: left.bytes, org: left.org, at: harness.now))
    }

    private mutating func changeLimits() {
        let org = Int.random(in: 0..<4, using: &random)
        limits[org].callsInFlight = Int.random(in: 0...4, using: &random)
        limits[org].commandsRunning = Int.random(in: 0...4, using: &random)
        limits[org].bytesInFlight = Int.random(in: 100...2000, using: &random)
        limits[org].queuedCalls = Int.random(in: 0...10, using: &random)
        limits[org].weight = Int.random(in: 1...3, using: &random)
        harness.setLimits(limits[org], of: Org.ID(org))
        slots.calls = Int.random(in: 1...5, using: &random)
        slots.commands = Int.random(in: 1...5, using: &random)
        harness.apply(harness.machine.setSlots(slots))
    }

    /// Takes over what the machine has decided since.
    private mutating func note() {
        for call in harness.begun[begun...] {
            calls[call]?.isRunning = true
            guard let one = calls[call] else { continue }
            for (other, waiting) in calls
            where waiting.org != one.org && waiting.slot == one.slot && !waiting.isRunning && isFirst(other) {
                calls[other]?.overtakers[one.org, default: 0] += 1
                if calls[other]?.overtakers[one.org] ?? 0 > 1 { overtaken.append(other) }
            }
        }
        begun = harness.begun.count
        for (call, _) in harness.refusals where refused.insert(call).inserted {
            guard let left = calls.removeValue(forKey: call) else { continue }
            // Nothing is kept of one that never waited.
            if harness.tickets[call] != nil {
                harness.apply(harness.machine.leave(nil, bytes: left.bytes, org: left.org, at: harness.now))
            }
        }
    }

    private func isFirst(_ call: Int) -> Bool {
        guard let one = calls[call] else { return false }
        return !calls.contains {
            $0.key < call && $0.value.org == one.org && $0.value.slot == one.slot && !$0.value.isRunning
        }
    }

    /// What is wrong.
    func audit() -> [String] {
        var found: [String] = []
        func expect(_ isSo: Bool, _ text: @autoclosure () -> String) {
            if !isSo { found.append(text()) }
        }
        for slot in CallAdmissionSlot.allCases {
            let gate = harness.machine.gates[slot.rawValue]
            let running = calls.values.count { $0.slot == slot && $0.isRunning }
            expect(gate.used == running, "\(slot): \(gate.used) slots in use, \(running) calls have one")
            for org in 0..<4 {
                let share = harness.machine.accounts[org].shares[slot.rawValue]
                let mine = calls.values.filter { $0.org == org && $0.slot == slot }
                expect(share.used == mine.count { $0.isRunning }, "\(slot) of \(org): wrong use")
                expect(Int(share.queue.count) == mine.count { !$0.isRunning }, "\(slot) of \(org): wrong queue")
                let mayRun = share.used < limits[org].slots(slot)
                expect(share.isInRing == (mayRun && !share.queue.isEmpty), "\(slot) of \(org): wrong place")
                expect(gate.used >= gate.capacity || share.queue.isEmpty || !mayRun, "\(slot) of \(org) waits in vain")
            }
        }
        for org in 0..<4 {
            let held = calls.values.filter { $0.org == org }.reduce(0) { $0 + $1.bytes }
            expect(harness.machine.accounts[org].heldBytes == held, "\(org): wrong bytes")
        }
        return found
    }
}
