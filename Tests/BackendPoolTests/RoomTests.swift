import AgentBackend
import Testing

@testable import BackendPool

/// Limits on entries: who waits, who goes, who is next.
@Suite struct RoomTests {
    @Test func theLeastRecentlyUsedIdleEntryMakesRoom() throws {
        var pool = MachineHarness { $0.maxEntries = 3 }
        for name in ["a", "b", "c"] {
            try pool.makeIdle(key(name))
            pool.advance(by: .seconds(1))
        }
        try pool.release(pool.acquire(key("a")))

        let number = pool.acquire(key("d"))
        #expect(pool.destructions.map(\.key.name) == ["b"])
        #expect(pool.destructions.map(\.reason) == [.room])
        #expect(pool.creations.isEmpty, "the room is free only when the old entry is gone")
        try pool.finishDestruction()
        try pool.finishCreation()
        #expect(try pool.lease(number).isNew)
        #expect(pool.statistics.evictions == 1)
        #expect(pool.statistics.entries == 3)
    }

    @Test func anOrgAtItsLimitMakesRoomAmongItsOwn() throws {
        var pool = MachineHarness { $0.maxEntriesPerOrg = 1 }
        try pool.makeIdle(key("old", org: 2))
        try pool.makeIdle(key("a", org: 1))
        pool.acquire(key("b", org: 1))
        #expect(pool.destructions.map(\.key) == [key("a", org: 1)])
    }

    @Test func onlyAsManyAreEvictedAsWait() throws {
        var pool = MachineHarness { $0.maxEntries = 4 }
        for name in ["a", "b", "c", "d"] {
            try pool.makeIdle(key(name))
        }
        pool.acquire(key("e"))
        pool.acquire(key("e"))
        #expect(pool.destructions.count == 1)
        pool.acquire(key("f"))
        #expect(pool.destructions.count == 2)
    }

    @Test func anEntryThatMustNotBeEvictedStays() throws {
        var pool = MachineHarness { $0.maxEntries = 1 }
        pool.idleTimeout = .never
        let entry = try pool.makeIdle(key("a"))
        let number = pool.acquire(key("b"), deadline: .seconds(5))
        #expect(pool.destructions.isEmpty)
        pool.advance(by: .seconds(5))
        #expect(pool.error(number)?.code == .resourceExhausted)
        #expect(pool.error(number)?.limit == LimitDetails(name: "entries", used: 1, allowed: 1))
        #expect(pool.error(number)?.retryAfter == .seconds(5))
        #expect(pool.acquireNow(key("a")).entry === entry)
        #expect(pool.statistics.timeouts == 1)
    }

    @Test func memoryWithATimeToLiveMakesNoRoomBeforeIt() throws {
        var pool = MachineHarness { $0.maxEntries = 1 }
        pool.idleTimeout = .after(.seconds(5))
        pool.isEvictable = false
        try pool.makeIdle(key("a"))
        let number = pool.acquire(key("b"))
        pool.advance(by: .seconds(4))
        #expect(pool.destructions.isEmpty)
        pool.advance(by: .seconds(1))
        try pool.finishDestruction()
        try pool.finishCreation()
        #expect(try pool.lease(number).isNew)
        #expect(pool.statistics.evictions == 0)
    }

    @Test func theLeastRecentlyUsedGoesFirstWhateverItsIdleTimeout() throws {
        var pool = MachineHarness { $0.maxEntries = 4 }
        for (name, timeout) in [
            ("a", IdleTimeout.after(.seconds(1000))), ("b", .pool), ("c", .after(.seconds(50))), ("d", .pool),
        ] {
            pool.idleTimeout = timeout
            try pool.makeIdle(key(name))
            pool.advance(by: .seconds(1))
        }
        for name in ["w", "x", "y", "z"] {
            pool.acquire(key(name))
        }
        #expect(pool.destructions.map(\.key.name) == ["a", "b", "c", "d"])
        #expect(pool.statistics.evictions == 4)
    }

    @Test func whatIsKeptEndsWhenSomeoneAsksForIt() throws {
        var pool = MachineHarness()
        pool.idleTimeout = .never
        try pool.makeIdle(key("a"))
        #expect(pool.evict(key("a")) == .destroyed)
        #expect(pool.destructions.map(\.reason) == [.evicted])
    }

    // MARK: Limits of one org

    @Test func anOrgHasLimitsOfItsOwn() throws {
        var pool = MachineHarness {
            $0.maxEntriesPerOrg = 2
            $0.maxLeasesPerEntry = 2
            $0.maxWaitersPerOrg = 5
            $0.orgs = [7: .init(maxEntries: 3, maxLeasesPerEntry: 1, maxWaiters: 4)]
        }
        for name in ["a", "b", "c", "d"] {
            pool.acquire(key(name, org: 7))
            pool.acquire(key(name, org: 8))
        }
        #expect(pool.creations.map(\.key.org) == [7, 8, 7, 8, 7])
        let fifth = pool.acquire(key("a", org: 7))
        #expect(pool.error(fifth)?.limit == LimitDetails(name: "org_waiting_acquires", used: 4, allowed: 4))
        #expect(pool.error(fifth)?.retryAfter == .milliseconds(100))
        let fifthOfOther = pool.acquire(key("a", org: 8))
        #expect(pool.error(fifthOfOther) == nil)

        try pool.finishCreation()
        let number = pool.acquire(key("a", org: 7), deadline: .seconds(1))
        pool.advance(by: .seconds(1))
        #expect(pool.error(number)?.limit == LimitDetails(name: "entry_leases", used: 1, allowed: 1))
        try pool.finishCreation()
        #expect(pool.machine.describe(key("a", org: 8), at: pool.now)?.leases == 2)
    }

    @Test func anOrgWithoutAnyEntriesIsRefusedAtOnce() {
        var pool = MachineHarness { $0.orgs = [7: .init(maxEntries: 0)] }
        let number = pool.acquire(key("a", org: 7))
        #expect(pool.error(number)?.code == .resourceExhausted)
        #expect(pool.error(number)?.limit == LimitDetails(name: "org_entries", used: 0, allowed: 0))
        #expect(pool.statistics.refusals == 1)
        #expect(pool.creations.isEmpty)
    }

    @Test func anOrgsLimitsChangeWhileItUsesThem() throws {
        var pool = MachineHarness { $0.orgs = [1: .init(maxEntries: 1)] }
        pool.acquire(key("a"))
        let waiting = pool.acquire(key("b"))
        pool.acquire(key("x", org: 2))
        #expect(pool.creations.map(\.key.name) == ["a", "x"])
        pool.reconfigure { $0.orgs = [1: .init(maxEntries: 2, maxLeasesPerEntry: 1)] }
        #expect(pool.creations.map(\.key.name) == ["a", "x", "b"])
        while !pool.creations.isEmpty {
            try pool.finishCreation()
        }
        #expect(!pool.hits(key("a")), "one lease is all that the org may have now")
        try pool.release(waiting)

        pool.reconfigure { $0.orgs = [1: .init(maxEntries: 1), 2: .init(maxEntries: 1)] }
        #expect(pool.destructions.map(\.key) == [key("b")])
        #expect(pool.hits(key("a")))
    }

    @Test func anEntryMayAskForFewerLeasesAndNotForMore() throws {
        var pool = MachineHarness { $0.maxLeasesPerEntry = 3 }
        for (name, asked, allowed) in [("few", 2, 2), ("many", 9, 3), ("none", 0, 1)] {
            pool.maxLeases = asked
            for _ in 0..<5 {
                pool.acquire(key(name))
            }
            try pool.finishCreation()
            #expect(pool.machine.describe(key(name), at: pool.now)?.leases == allowed)
        }
        pool.reconfigure { $0.maxLeasesPerEntry = 5 }
        #expect(pool.machine.describe(key("few"), at: pool.now)?.leases == 2)
        #expect(pool.machine.describe(key("many"), at: pool.now)?.leases == 5)
    }

    @Test func aReleaseMakesRoomForThoseThatWait() throws {
        var pool = MachineHarness { $0.maxEntries = 1 }
        let first = pool.acquire(key("a"))
        try pool.finishCreation()
        let second = pool.acquire(key("b"))
        #expect(pool.destructions.isEmpty)
        try pool.release(first)
        try pool.finishDestruction()
        try pool.finishCreation()
        #expect(try pool.lease(second).entry.key == key("b"))
    }

    @Test func withinAnOrgTheFirstToComeIsServedFirst() throws {
        var pool = MachineHarness { $0.maxEntries = 1 }
        pool.acquire(key("held"))
        try pool.finishCreation()
        for name in ["a", "b", "c", "b"] {
            pool.acquire(key(name))
        }
        #expect(try pool.orderOfCreations(startingWith: 1) == ["a", "b", "c"])
    }

    @Test func aFloodOfOneOrgDoesNotStarveAnother() throws {
        var pool = MachineHarness { $0.maxEntries = 1 }
        pool.acquire(key("held", org: 1))
        try pool.finishCreation()
        for number in 0..<100 {
            pool.acquire(key("flood\(number)", org: 1))
        }
        for number in 0..<3 {
            pool.acquire(key("x\(number)", org: 2))
            pool.acquire(key("y\(number)", org: 3))
        }
        let order = try pool.orderOfCreations(startingWith: 1)
        // Who comes new to the queue has its turn before the flood's next.
        #expect(
            order.prefix(9) == ["x0", "y0", "flood0", "x1", "y1", "flood1", "x2", "y2", "flood2"]
        )
        #expect(order.count == 106)
    }

    @Test func anOrgIsGrantedAsManyInItsTurnAsItsWeightSays() throws {
        var pool = MachineHarness {
            $0.maxEntries = 1
            $0.orgs = [1: .init(weight: 3)]
        }
        pool.acquire(key("held", org: 3))
        try pool.finishCreation()
        for number in 0..<8 {
            pool.acquire(key("a\(number)", org: 1))
            pool.acquire(key("b\(number)", org: 2))
        }
        let order = try pool.orderOfCreations(startingWith: 1)
        #expect(order.prefix(9) == ["a0", "a1", "a2", "b0", "a3", "a4", "a5", "b1", "a6"])
    }

    @Test func anOrgAtItsLimitLosesNoTurnToOthersAndTakesNone() throws {
        var pool = MachineHarness {
            $0.maxEntries = 3
            $0.maxEntriesPerOrg = 2
        }
        let first = pool.acquire(key("a", org: 1))
        pool.acquire(key("b", org: 1))
        let waiting = pool.acquire(key("c", org: 1))
        #expect(pool.creations.map(\.key.name) == ["a", "b"])
        pool.acquire(key("x", org: 2))
        #expect(pool.creations.map(\.key.name) == ["a", "b", "x"])
        try pool.finishCreation()
        try pool.release(first)
        try pool.finishDestruction()
        #expect(pool.creations.map(\.key.name) == ["b", "x", "c"])
        pool.cancel(waiting)
    }

    @Test func acquiresThatWaitAreBoundedByOrg() throws {
        var pool = MachineHarness { $0.maxWaitersPerOrg = 2 }
        pool.acquire(key("a", org: 1))
        pool.acquire(key("b", org: 1))
        let third = pool.acquire(key("a", org: 1))
        let error = try #require(pool.error(third))
        #expect(error.code == .resourceExhausted)
        #expect(error.limit?.name == "org_waiting_acquires")
        #expect(pool.statistics.refusals == 1)
        pool.acquire(key("a", org: 2))
        #expect(pool.creations.count == 3)
    }

    @Test func waitingForRoomEndsAtTheDeadline() throws {
        var pool = MachineHarness { $0.maxEntriesPerOrg = 1 }
        pool.acquire(key("a"))
        try pool.finishCreation()
        let patient = pool.acquire(key("b"))
        let hasty = pool.acquire(key("b"), deadline: .seconds(2))
        pool.advance(by: .seconds(4))
        #expect(pool.error(hasty)?.code == .resourceExhausted)
        #expect(pool.error(hasty)?.limit == LimitDetails(name: "org_entries", used: 1, allowed: 1))
        #expect(pool.results[patient] == nil)
        #expect(pool.statistics.longestWait == .seconds(4))
        pool.advance(by: .seconds(6))
        #expect(pool.error(patient)?.code == .resourceExhausted)
        #expect(pool.statistics.queued == 0)
        #expect(pool.statistics.longestWait == .zero)
    }

    @Test func waitingForASlowCreationEndsAtTheDeadlineToo() throws {
        var pool = MachineHarness()
        let number = pool.acquire(key("a"), deadline: .seconds(2))
        pool.advance(by: .seconds(2))
        #expect(pool.error(number)?.code == .deadlineExceeded)
        let entry = try pool.finishCreation()
        #expect(pool.acquireNow(key("a")).entry === entry)
    }

    @Test func thoseThatGaveUpAreNotServed() throws {
        var pool = MachineHarness { $0.maxEntries = 1 }
        let first = pool.acquire(key("a"))
        try pool.finishCreation()
        let gone = pool.acquire(key("b"))
        pool.acquire(key("c"))
        pool.cancel(gone)
        try pool.release(first)
        try pool.finishDestruction()
        #expect(pool.creations.map(\.key.name) == ["c"])
    }

    @Test func aFailedCreationGivesItsRoomBack() throws {
        var pool = MachineHarness { $0.maxEntries = 1 }
        pool.acquire(key("a"))
        pool.acquire(key("b"))
        try pool.failCreation()
        #expect(pool.creations.map(\.key.name) == ["b"])
    }

    @Test func aReplacedEntryCountsUntilItIsGone() throws {
        var pool = MachineHarness { $0.maxEntries = 1 }
        let first = pool.acquire(key("a"))
        try pool.finishCreation().isUsable = false
        let second = pool.acquire(key("a"))
        #expect(pool.creations.isEmpty)
        try pool.release(first)
        #expect(pool.creations.isEmpty)
        try pool.finishDestruction()
        try pool.finishCreation()
        #expect(try pool.lease(second).isNew)
    }

    @Test func onlySoManyAreDestroyedAtATime() throws {
        var pool = MachineHarness { $0.maxConcurrentDestructions = 2 }
        for number in 0..<5 {
            try pool.makeIdle(key("k\(number)"))
        }
        pool.drain(deadline: .seconds(1))
        #expect(pool.destructions.count == 2)
        try pool.finishDestruction()
        #expect(pool.destructions.count == 2)
        #expect(pool.statistics.destroying == 4)
    }

    // MARK: Changes at run time

    @Test func lowerLimitsAreReachedAsEntriesBecomeIdle() throws {
        var pool = MachineHarness()
        for name in ["a", "b", "c"] {
            try pool.makeIdle(key(name))
        }
        let held = pool.acquire(key("c"))
        pool.reconfigure { $0.maxEntries = 1 }
        #expect(pool.destructions.map(\.key.name) == ["a", "b"])
        try pool.release(held)
        #expect(pool.destructions.count == 2)
    }

    @Test(arguments: [true, false])
    func anEntryOverALowerLimitGoesWithItsLastLease(_ isLimitOfOrg: Bool) throws {
        var pool = MachineHarness()
        let numbers = [pool.acquire(key("a")), pool.acquire(key("b"))]
        try pool.finishCreation()
        try pool.finishCreation()
        pool.reconfigure {
            if isLimitOfOrg {
                $0.maxEntriesPerOrg = 1
            } else {
                $0.maxEntries = 1
            }
        }
        try pool.release(numbers[0])
        #expect(pool.destructions.map(\.key.name) == ["a"])
        try pool.release(numbers[1])
        #expect(pool.destructions.count == 1)
        #expect(pool.statistics.idle == 1)
    }

    @Test func higherLimitsServeThoseThatWait() throws {
        var pool = MachineHarness {
            $0.maxEntries = 1
            $0.maxLeasesPerEntry = 1
        }
        pool.acquire(key("a"))
        try pool.finishCreation()
        let second = pool.acquire(key("a"))
        pool.acquire(key("b"))
        pool.reconfigure {
            $0.maxEntries = 2
            $0.maxLeasesPerEntry = 2
        }
        #expect(try !pool.lease(second).isNew)
        #expect(pool.creations.map(\.key.name) == ["b"])
    }
}

extension MachineHarness {
    /// Releases and destroys one entry after the other, and tells in which order the waiting keys are made.
    fileprivate mutating func orderOfCreations(startingWith number: Int) throws -> [String] {
        var order: [String] = []
        try release(number)
        while !destructions.isEmpty {
            try finishDestruction()
            guard let name = creations.first?.key.name else { break }
            order.append(name)
            let before = answered.count
            try finishCreation()
            for number in answered[before...] {
                try release(number)
            }
        }
        return order
    }
}
