import AgentBackend
import Testing

@testable import BackendPool

/// Idle cleanup and lifetimes.
@Suite struct TimeTests {
    @Test func anIdleEntryIsDestroyedWithinOneInterval() throws {
        var pool = MachineHarness {
            $0.idleTimeout = .seconds(300)
            $0.cleanupInterval = .seconds(60)
        }
        pool.perform(pool.machine.tick(at: .zero))
        pool.advance(by: .seconds(30))
        try pool.makeIdle(key("a"))
        pool.advance(by: .seconds(299))
        #expect(pool.destructions.isEmpty)
        pool.advance(by: .seconds(60))
        #expect(pool.destructions.map(\.reason) == [.idle])
        #expect(pool.statistics.expirations == 1)
        #expect(pool.acquireNow(key("a")).entry == nil)
        #expect(pool.creations.count == 1)
    }

    @Test func theIdleClockStartsAtTheLastRelease() throws {
        var pool = MachineHarness()
        pool.perform(pool.machine.tick(at: .zero))
        try pool.makeIdle(key("a"))
        for _ in 0..<10 {
            let number = pool.acquire(key("a"))
            pool.advance(by: .seconds(250))
            try pool.release(number)
            pool.advance(by: .seconds(250))
        }
        #expect(pool.destructions.isEmpty)
    }

    @Test func anEntryWithALeaseIsNeverIdle() throws {
        var pool = MachineHarness()
        pool.perform(pool.machine.tick(at: .zero))
        pool.acquire(key("a"))
        try pool.finishCreation()
        pool.advance(by: .seconds(100_000))
        #expect(pool.destructions.isEmpty)
    }

    @Test func memoryIsNotDestroyedForIdlenessOrAge() throws {
        var pool = MachineHarness { $0.maxLifetime = .seconds(10) }
        pool.idleTimeout = .never
        pool.perform(pool.machine.tick(at: .zero))
        try pool.makeIdle(key("a"))
        pool.advance(by: .seconds(100_000))
        #expect(pool.destructions.isEmpty)
        #expect(pool.statistics.idle == 1)
    }

    // MARK: Idle times of their own

    @Test func anEntryWithATimeToLiveEndsWithIt() throws {
        var pool = MachineHarness()
        pool.perform(pool.machine.tick(at: .zero))
        pool.idleTimeout = .after(.seconds(20))
        try pool.makeIdle(key("short"))
        pool.idleTimeout = .after(.seconds(2000))
        try pool.makeIdle(key("long"))
        pool.idleTimeout = .pool
        try pool.makeIdle(key("pool"))
        pool.advance(by: .seconds(19))
        #expect(pool.destructions.isEmpty)
        pool.advance(by: .seconds(1))
        #expect(pool.destructions.map(\.key.name) == ["short"])
        pool.advance(by: .seconds(400))
        #expect(pool.destructions.map(\.key.name) == ["short", "pool"])
        pool.advance(by: .seconds(1579))
        #expect(pool.destructions.count == 2)
        pool.advance(by: .seconds(1))
        #expect(pool.destructions.map(\.key.name) == ["short", "pool", "long"])
        #expect(pool.destructions.map(\.reason) == [.idle, .idle, .idle])
        #expect(pool.statistics.expirations == 3)
    }

    /// Memory for which a time to live was asked.
    @Test func aTimeToLiveStartsAnewWithEachUse() throws {
        var pool = MachineHarness()
        pool.idleTimeout = .after(.seconds(10))
        pool.isEvictable = false
        let entry = try pool.makeIdle(key("a"))
        for _ in 0..<5 {
            pool.advance(by: .seconds(9))
            let number = pool.acquire(key("a"))
            #expect(try pool.lease(number).entry === entry)
            pool.advance(by: .seconds(100))
            #expect(pool.destructions.isEmpty)
            try pool.release(number)
        }
        pool.advance(by: .seconds(9))
        #expect(pool.destructions.isEmpty)
        pool.advance(by: .seconds(1))
        #expect(pool.destructions.map(\.reason) == [.idle])
    }

    @Test func usingAnEntryWithATimeToLiveSetsNoTimerEachTime() throws {
        var pool = MachineHarness()
        pool.idleTimeout = .after(.seconds(10))
        try pool.makeIdle(key("a"))
        pool.wakeUps = []
        for _ in 0..<100 {
            let hit = pool.machine.hit(key("a"), configuration: nil, at: pool.now)
            let lease = try #require(hit)
            let isQuick = pool.machine.releaseQuickly(lease.id, at: pool.now)
            #expect(isQuick)
        }
        #expect(pool.machine.timers.count == 1)
    }

    @Test func onlyWhatIsDueIsLookedAt() throws {
        var pool = MachineHarness { $0.maxConcurrentDestructions = 1000 }
        for number in 1...100 {
            pool.idleTimeout = .after(.seconds(number))
            try pool.makeIdle(key("k\(number)"))
        }
        pool.now = .seconds(30)
        pool.perform(pool.machine.tick(at: pool.now, batch: 8))
        #expect(pool.destructions.count == 8)
        pool.perform(pool.machine.tick(at: pool.now))
        #expect(pool.destructions.map(\.key.name) == (1...30).map { "k\($0)" })
    }

    @Test(arguments: [true, false])
    func theSoonerOfLifetimeAndTimeToLiveCounts(_ isIdle: Bool) throws {
        var pool = MachineHarness { $0.maxLifetime = .seconds(isIdle ? 50 : 30) }
        pool.idleTimeout = .after(.seconds(40))
        try pool.makeIdle(key("a"))
        pool.advance(by: .seconds(60))
        #expect(pool.destructions.map(\.reason) == [isIdle ? .idle : .lifetime])
    }

    @Test func whatIsNotEvictedKeepsToThePoolsTimeoutAllTheSame() throws {
        var pool = MachineHarness { $0.maxEntries = 1 }
        pool.isEvictable = false
        try pool.makeIdle(key("a"))
        pool.acquire(key("b"), deadline: .seconds(200))
        pool.advance(by: .seconds(299))
        #expect(pool.destructions.isEmpty)
        pool.advance(by: .seconds(1))
        #expect(pool.destructions.map(\.reason) == [.idle])
    }

    @Test func anotherIdleTimeoutCountsFromNowOn() throws {
        var pool = MachineHarness()
        pool.perform(pool.machine.tick(at: .zero))
        try pool.makeIdle(key("a"))
        pool.isEvictable = false
        try pool.makeIdle(key("b"))
        pool.reconfigure { $0.idleTimeout = .seconds(10) }
        pool.advance(by: .seconds(70))
        #expect(Set(pool.destructions.map(\.key.name)) == ["a", "b"])
    }

    @Test func anIdleTimeThatMakesNoSenseIsBroughtWithinBounds() throws {
        var pool = MachineHarness()
        pool.idleTimeout = .after(.seconds(-5))
        try pool.makeIdle(key("a"))
        pool.idleTimeout = .after(.seconds(Int64.max))
        try pool.makeIdle(key("b"))
        pool.advance(by: .seconds(1))
        #expect(pool.destructions.map(\.key.name) == ["a"])
    }

    @Test func aTickLooksOnlyAtWhatIsDue() throws {
        var pool = MachineHarness { $0.maxConcurrentDestructions = 1000 }
        for number in 0..<500 {
            try pool.makeIdle(key("k\(number)"))
            pool.now += .milliseconds(1)
        }
        pool.now = .milliseconds(10) + .seconds(300)
        let first = pool.machine.tick(at: pool.now, batch: 8)
        pool.perform(first)
        #expect(pool.destructions.count == 8)
        #expect(pool.wakeUps.last.map { $0 <= pool.now } == true, "the rest is done without delay")
        pool.perform(pool.machine.tick(at: pool.now, batch: 8))
        #expect(pool.destructions.count == 11)
        #expect(pool.wakeUps.last.map { $0 > pool.now } == true)
    }

    @Test func anOldEntryIsDestroyedOrReplaced() throws {
        var pool = MachineHarness { $0.maxLifetime = .seconds(100) }
        try pool.makeIdle(key("idle"))
        let number = pool.acquire(key("held"))
        let old = try pool.finishCreation()
        pool.advance(by: .seconds(100))
        #expect(pool.destructions.map(\.key.name) == ["idle"])
        #expect(pool.destructions.map(\.reason) == [.lifetime])

        pool.acquire(key("held"))
        #expect(try pool.finishCreation() !== old)
        try pool.release(number)
        #expect(pool.destructions.map(\.entry.number) == [1, old.number])
    }

    @Test func lifetimesDifferByChance() throws {
        var pool = MachineHarness {
            $0.maxLifetime = .seconds(100)
            $0.lifetimeJitter = 0.5
            $0.maxConcurrentDestructions = 1000
        }
        for number in 0..<100 {
            pool.acquire(key("k\(number)"))
            try pool.finishCreation()
            try pool.release(number + 1)
        }
        pool.advance(by: .seconds(50))
        #expect(pool.destructions.isEmpty)
        pool.advance(by: .seconds(25))
        #expect((20...80).contains(pool.destructions.count))
        pool.advance(by: .seconds(25))
        #expect(pool.destructions.count == 100)
    }

    @Test func timesInTheWrongOrderDoNoHarm() throws {
        var pool = MachineHarness()
        pool.now = .seconds(10)
        let number = pool.acquire(key("a"))
        pool.now = .seconds(9)
        try pool.finishCreation()
        pool.now = .seconds(8)
        try pool.release(number)
        #expect(pool.statistics.waits.sum == .zero)
        #expect(pool.statistics.holds.sum == .zero)
        #expect(pool.machine.describe(key("a"), at: .zero)?.state == .idle(for: .zero))
    }
}
