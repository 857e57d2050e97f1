import Testing

@testable import BrokerServer

/// The rules of idempotency keys, without time that passes.
@Suite struct IdempotencyMachineTests {
    private typealias Machine = IdempotencyMachine<String, Int>
    private let limits = Machine.Limits(maximumKeysPerOrg: 2, window: .seconds(10))

    private func begin(
        _ machine: inout Machine,
        _ key: String,
        request: Int = 1,
        waiter: Int = 0,
        at seconds: Int = 0
    ) -> String {
        switch machine.begin(key, of: 1, request: request, waiter: waiter, limits, at: .seconds(seconds)) {
        case .run: "run"
        case .wait: "wait"
        case .replay(let outcome): outcome
        case .conflict: "conflict"
        case .full(let used, let retryAfter): "full \(used) \(retryAfter?.components.seconds ?? -1)"
        }
    }

    @Test func theFirstRunsAndOthersWaitForWhatItDid() {
        var machine = Machine()
        #expect(begin(&machine, "k") == "run")
        #expect(begin(&machine, "k", waiter: 7) == "wait")
        #expect(begin(&machine, "k", request: 2) == "conflict")
        #expect(machine.end("k", of: 1, with: "done", limits, at: .zero) == [7])
        #expect(begin(&machine, "k") == "done")
        #expect(begin(&machine, "k", request: 2) == "conflict")
    }

    @Test func whatDidNothingLeavesTheKeyToTheNext() {
        var machine = Machine()
        #expect(begin(&machine, "k") == "run")
        #expect(begin(&machine, "k", waiter: 7) == "wait")
        #expect(machine.end("k", of: 1, with: nil, limits, at: .zero) == [7])
        #expect(begin(&machine, "k", request: 2) == "run")
    }

    @Test func keysAreForgottenAfterTheWindowAndCountedUntilThen() {
        var machine = Machine()
        #expect(begin(&machine, "a") == "run" && begin(&machine, "b") == "run")
        #expect(begin(&machine, "c") == "full 2 -1")
        _ = machine.end("a", of: 1, with: "done", limits, at: .seconds(1))
        #expect(begin(&machine, "c", at: 5) == "full 2 6")
        #expect(begin(&machine, "a", at: 10) == "done")
        #expect(begin(&machine, "a", at: 11) == "run")
        // Those under way are not forgotten, however long they take.
        #expect(begin(&machine, "b", waiter: 3, at: 1000) == "wait")
    }
}
