import AgentBackend
import Testing

@testable import BackendPool

/// Ten faults that another pool of this kind had.
@Suite struct TenFaultsTests {
    @Test("An async factory's result is handed out before it is ready")
    func unresolvedFactory() throws {
        var pool = MachineHarness()
        let numbers = [pool.acquire(key("a")), pool.acquire(key("a"))]
        #expect(pool.results.isEmpty)
        #expect(!pool.hits(key("a")))
        let entry = try pool.finishCreation()
        for number in numbers {
            #expect(try pool.lease(number).entry === entry)
        }
    }

    @Test("A reconnecting backend is replaced and leaked")
    func replacedAndLeaked() throws {
        var pool = MachineHarness()
        let number = pool.acquire(key("a"))
        let old = try pool.finishCreation()
        old.isUsable = false
        pool.acquire(key("a"))
        try pool.finishCreation()
        old.isUsable = true
        #expect(pool.acquireNow(key("a")).entry !== old)
        try pool.release(number)
        #expect(pool.destructions.map(\.entry.number) == [old.number])
        try pool.finishDestruction()
        #expect(pool.statistics.entries == 1)
    }

    @Test("Everything is destroyed while a caller holds a lease")
    func destroyedUnderAHolder() throws {
        var pool = MachineHarness()
        let number = pool.acquire(key("a"))
        try pool.finishCreation()
        pool.drain(deadline: .seconds(30))
        #expect(pool.destructions.isEmpty)
        pool.advance(by: .seconds(29))
        #expect(pool.destructions.isEmpty)
        try pool.release(number)
        #expect(pool.destructions.count == 1)
    }

    @Test("A double release makes a held entry look unused, and the sweep destroys it")
    func doubleRelease() throws {
        var pool = MachineHarness()
        pool.perform(pool.machine.tick(at: .zero))
        let first = pool.acquire(key("a"))
        try pool.finishCreation()
        let second = pool.acquire(key("a"))
        try pool.release(first)
        try pool.release(first)
        pool.advance(by: .seconds(10_000))
        #expect(pool.destructions.isEmpty)
        #expect(try pool.lease(second).entry.isUsable)
    }

    @Test("An acquire during a sweep gets a dying backend")
    func acquireDuringASweep() throws {
        var pool = MachineHarness()
        pool.perform(pool.machine.tick(at: .zero))
        let old = try pool.makeIdle(key("a"))
        pool.advance(by: .seconds(400))
        #expect(pool.destructions.map(\.entry.number) == [old.number])

        #expect(!pool.hits(key("a")))
        let number = pool.acquire(key("a"))
        try pool.finishCreation()
        #expect(try pool.lease(number).entry !== old)
        try pool.finishDestruction()
        #expect(pool.acquireNow(key("a")).entry === (try pool.lease(number).entry))
    }

    @Test("A configuration is ignored on a hit: who asks for root B gets root A")
    func ignoredConfiguration() throws {
        var pool = MachineHarness()
        pool.acquire(key("a"), "root A")
        try pool.finishCreation()
        #expect(pool.acquireNow(key("a"), "root B").failure == .conflict)
    }

    @Test("Keyless backends are never destroyed")
    func keyless() throws {
        var pool = MachineHarness()
        for _ in 0..<10 {
            let number = pool.acquire(key(nil))
            try pool.finishCreation()
            try pool.release(number)
            try pool.finishDestruction()
        }
        #expect(pool.statistics.entries == 0)
        #expect(pool.machine.ledger.slots.count == 1)
    }

    @Test("A backend made while everything is destroyed is dropped")
    func createdDuringDestruction() throws {
        var pool = MachineHarness()
        pool.acquire(key("a"))
        pool.drain(deadline: .zero)
        let entry = try pool.finishCreation()
        #expect(pool.destructions.map(\.entry.number) == [entry.number])
        #expect(!pool.isFinished)
        try pool.finishDestruction()
        #expect(pool.isFinished)
    }

    @Test("A step of the wall clock evicts")
    func wallClock() throws {
        var pool = MachineHarness()
        pool.perform(pool.machine.tick(at: .zero))
        try pool.makeIdle(key("a"))
        // The machine has no clock; not even events with times out of order make it think that time has passed.
        for time: Duration in [.seconds(200), .seconds(100), .seconds(-1_000_000), .seconds(299)] {
            pool.perform(pool.machine.tick(at: time))
        }
        #expect(pool.destructions.isEmpty)
    }

    @Test("There is no limit on the number of entries")
    func sizeLimit() throws {
        var pool = MachineHarness { $0.maxEntries = 10 }
        for number in 0..<100 {
            pool.acquire(key("k\(number)"))
        }
        #expect(pool.creations.count == 10)
        #expect(pool.statistics.entries == 10)
        #expect(pool.statistics.waiting == 100)
    }
}
