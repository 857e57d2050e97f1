import AgentBackend
import Testing

@testable import BackendPool

/// One event at a time, without a pool around it.
@Suite struct PoolStateMachineTests {
    // MARK: Single flight

    @Test func firstAcquiresOfAKeyShareOneCreation() throws {
        var pool = MachineHarness()
        let numbers = (0..<1000).map { _ in pool.acquire(key("a")) }
        #expect(pool.creations.count == 1)
        #expect(pool.statistics.waiting == 1000)

        let entry = try pool.finishCreation()
        for number in numbers {
            #expect(try pool.lease(number).entry === entry)
        }
        #expect(pool.answered == numbers)
        #expect(try numbers.filter { try pool.lease($0).isNew } == [numbers[0]])
        #expect(pool.statistics.leases == 1000)
        #expect(pool.statistics.waiting == 0)
    }

    @Test func aHitIsAnsweredAtOnce() throws {
        var pool = MachineHarness()
        let entry = try pool.makeIdle(key("a"))
        let hit = pool.machine.hit(key("a"), configuration: nil, at: pool.now)
        let lease = try #require(hit)
        #expect(lease.entry === entry)
        #expect(!lease.isNew)
        #expect(!pool.hits(key("a", org: 2)))
        #expect(pool.statistics.hits == 1)
        #expect(pool.statistics.misses == 1)
    }

    @Test func typesAndOrgsAreKeptApart() {
        var pool = MachineHarness()
        pool.acquire(PoolKey(org: 1, type: .memory, name: "a"))
        pool.acquire(PoolKey(org: 1, type: .localFilesystem, name: "a"))
        pool.acquire(PoolKey(org: 2, type: .memory, name: "a"))
        #expect(pool.creations.count == 3)
    }

    @Test func aCancelledWaiterLeavesTheCreationAlone() throws {
        var pool = MachineHarness()
        let first = pool.acquire(key("a"))
        let second = pool.acquire(key("a"))
        pool.cancel(first)
        #expect(pool.error(first)?.code == .cancelled)

        let entry = try pool.finishCreation()
        #expect(try pool.lease(second).entry === entry)
        #expect(pool.destructions.isEmpty)
    }

    @Test func aCreationThatNobodyWaitsForAnyMoreLeavesAnIdleEntry() throws {
        var pool = MachineHarness()
        let number = pool.acquire(key("a"))
        pool.cancel(number)
        pool.cancel(number)
        let entry = try pool.finishCreation()
        #expect(pool.statistics.idle == 1)
        #expect(pool.acquireNow(key("a")).entry === entry)
    }

    // MARK: Failure

    @Test func aFailedCreationFailsAllThatWait() throws {
        var pool = MachineHarness()
        let numbers = (0..<5).map { _ in pool.acquire(key("a")) }
        try pool.failCreation()
        for number in numbers {
            #expect(pool.error(number)?.code == .missingUtilities)
        }
        #expect(pool.statistics.creationFailures == 1)
        #expect(pool.statistics.entries == 0)
    }

    @Test func theNextTryComesAfterARestThatDoubles() throws {
        var pool = MachineHarness()
        pool.acquire(key("a"))
        for rest in [100, 200, 400] {
            try pool.failCreation()
            pool.acquire(key("a"))
            pool.advance(by: .milliseconds(rest - 1))
            #expect(pool.creations.isEmpty)
            pool.advance(by: .milliseconds(1))
            #expect(pool.creations.count == 1)
        }
        try pool.finishCreation()
        #expect(pool.statistics.waiting == 0)
    }

    @Test func aRestIsAtMostTheLongest() throws {
        var pool = MachineHarness { $0.creationBackoff.maximum = .seconds(2) }
        for _ in 0..<40 {
            pool.acquire(key("a"))
            pool.advance(by: .seconds(2))
            try pool.failCreation()
        }
        #expect(pool.machine.describe(key("a"), at: pool.now)?.state == .resting(for: .seconds(2)))
    }

    @Test func aFailureIsForgottenInTime() throws {
        var pool = MachineHarness()
        pool.acquire(key("a"))
        try pool.failCreation()
        pool.advance(by: .milliseconds(100) + .seconds(10))
        #expect(pool.machine.describe(key("a"), at: pool.now) == nil)
        pool.acquire(key("a"))
        try pool.failCreation()
        #expect(pool.machine.describe(key("a"), at: pool.now)?.state == .resting(for: .milliseconds(100)))
    }

    @Test func anAcquireThatWouldEndBeforeTheRestFailsAtOnce() throws {
        var pool = MachineHarness()
        pool.acquire(key("a"))
        try pool.failCreation()
        let number = pool.acquire(key("a"), deadline: .milliseconds(50))
        let error = try #require(pool.error(number))
        #expect(error.code == .missingUtilities)
        #expect(error.retryAfter == .milliseconds(100))
        #expect(error.isRetryable)
    }

    @Test func restsDifferByChance() throws {
        var rests: Set<Duration> = []
        for seed in 1...20 {
            var pool = MachineHarness(seed: UInt64(seed)) { $0.creationBackoff.jitter = 0.5 }
            pool.acquire(key("a"))
            try pool.failCreation()
            guard case .resting(let rest) = pool.machine.describe(key("a"), at: pool.now)?.state else {
                Issue.record("the key does not rest")
                continue
            }
            #expect(rest > .milliseconds(50) && rest <= .milliseconds(100))
            rests.insert(rest)
        }
        #expect(rests.count == 20)
    }

    @Test func failuresThatAreRememberedAreBounded() throws {
        var pool = MachineHarness { $0.maxEntriesPerOrg = 3 }
        for number in 0..<10 {
            pool.acquire(key("k\(number)"))
            try pool.failCreation()
        }
        #expect(pool.machine.ledger.accounts[0].resting == 3)
    }

    // MARK: Leases

    @Test func aSecondReleaseIsHarmlessAndCounted() throws {
        var pool = MachineHarness()
        let first = pool.acquire(key("a"))
        try pool.finishCreation()
        let second = pool.acquire(key("a"))
        try pool.release(first)
        try pool.release(first)
        #expect(pool.statistics.leases == 1)
        #expect(pool.statistics.active == 1)
        #expect(pool.statistics.staleReleases == 1)
        try pool.release(second)
        #expect(pool.statistics.idle == 1)
    }

    @Test func aReleaseOfASlotUsedAgainIsHarmless() throws {
        var pool = MachineHarness()
        try pool.makeIdle(key("a"))
        let old = try pool.lease(1).id
        let new = pool.acquire(key("a"))
        #expect(try pool.lease(new).id.slot == old.slot)
        pool.release(old)
        #expect(pool.statistics.leases == 1)
        pool.release(LeaseID(slot: 77, generation: 1))
        pool.release(LeaseID(rawValue: 0))
        #expect(pool.statistics.staleReleases == 3)
    }

    @Test func leasesOfAnEntryAreLimitedAndHandedOnInOrder() throws {
        var pool = MachineHarness { $0.maxLeasesPerEntry = 2 }
        let numbers = (0..<4).map { _ in pool.acquire(key("a")) }
        try pool.finishCreation()
        #expect(pool.answered == Array(numbers[0..<2]))
        try pool.release(numbers[1])
        #expect(pool.answered == Array(numbers[0..<3]))
        try pool.release(numbers[0])
        #expect(pool.answered == numbers)
        #expect(pool.creations.isEmpty)
    }

    @Test func waitingForALeaseEndsAtTheDeadline() throws {
        var pool = MachineHarness { $0.maxLeasesPerEntry = 1 }
        pool.acquire(key("a"))
        try pool.finishCreation()
        let number = pool.acquire(key("a"), deadline: .seconds(3))
        pool.advance(by: .seconds(3))
        let error = try #require(pool.error(number))
        #expect(error.code == .resourceExhausted)
        #expect(error.limit == LimitDetails(name: "entry_leases", used: 1, allowed: 1))
    }

    @Test func holdsAreMeasured() throws {
        var pool = MachineHarness()
        let number = pool.acquire(key("a"))
        pool.advance(by: .seconds(2))
        try pool.finishCreation()
        pool.advance(by: .seconds(3))
        try pool.release(number)
        #expect(pool.statistics.waits.count == 1)
        #expect(pool.statistics.waits.sum == .seconds(2))
        #expect(pool.statistics.holds.sum == .seconds(3))
    }

    // MARK: Keyless

    @Test func aKeylessAcquireGetsAnEntryOfItsOwnThatEndsWithItsLease() throws {
        var pool = MachineHarness()
        let first = pool.acquire(key(nil))
        let second = pool.acquire(key(nil))
        #expect(pool.creations.count == 2)
        let entry = try pool.finishCreation()
        let other = try pool.finishCreation()
        #expect(entry !== other)
        #expect(!pool.hits(key(nil)))
        try pool.release(first)
        #expect(pool.destructions.map(\.entry.number) == [entry.number])
        #expect(pool.destructions.map(\.reason) == [.keyless])
        try pool.release(second)
        #expect(pool.destructions.count == 2)
    }

    @Test func aKeylessEntryWhoseCallerHasGoneIsDestroyed() throws {
        var pool = MachineHarness()
        pool.cancel(pool.acquire(key(nil)))
        try pool.finishCreation()
        #expect(pool.destructions.map(\.reason) == [.keyless])
    }

    @Test func aFailedKeylessCreationLeavesNothing() throws {
        var pool = MachineHarness()
        pool.acquire(key(nil))
        try pool.failCreation()
        pool.acquire(key(nil))
        #expect(pool.creations.count == 1)
    }

    // MARK: Configuration

    @Test func anotherConfigurationOfALiveEntryIsAConflict() throws {
        var pool = MachineHarness()
        let first = pool.acquire(key("a"), "red")
        let early = pool.acquire(key("a"), "blue")
        #expect(pool.error(early)?.code == .conflict)
        let entry = try pool.finishCreation()
        #expect(entry.configuration == "red")

        #expect(pool.acquireNow(key("a"), "blue").failure == .conflict)
        #expect(!pool.hits(key("a"), "blue"))
        #expect(pool.acquireNow(key("a"), "red").entry === entry)
        #expect(pool.acquireNow(key("a")).entry === entry)
        try pool.release(first)
    }

    @Test func withoutAConfigurationANewEntryHasTheDefault() throws {
        var pool = MachineHarness()
        pool.acquire(key("a"))
        #expect(try pool.finishCreation().configuration == "default")
        #expect(pool.acquireNow(key("a"), "red").failure == .conflict)
    }

    @Test func aKeyThatRestsTakesTheConfigurationOfTheNextAcquire() throws {
        var pool = MachineHarness()
        pool.acquire(key("a"), "red")
        try pool.failCreation()
        pool.acquire(key("a"), "blue")
        #expect(pool.acquireNow(key("a"), "red").failure == .conflict)
        pool.advance(by: .seconds(1))
        #expect(try pool.finishCreation().configuration == "blue")
    }

    // MARK: Replacement

    @Test func anUnusableEntryIsReplacedAtTheNextAcquire() throws {
        var pool = MachineHarness()
        let first = pool.acquire(key("a"))
        let old = try pool.finishCreation()
        old.isUsable = false
        #expect(!pool.hits(key("a")))

        let second = pool.acquire(key("a"), "blue")
        #expect(pool.destructions.isEmpty, "the old one has a lease")
        let new = try pool.finishCreation()
        #expect(try pool.lease(second).entry === new)

        try pool.release(first)
        #expect(pool.destructions.map(\.entry.number) == [old.number])
        #expect(pool.destructions.map(\.reason) == [.unusable])
        try pool.release(first)
        #expect(pool.statistics.staleReleases == 1)
        #expect(pool.statistics.leases == 1)
        #expect(pool.statistics.replacements == 1)
    }

    @Test func anUnusableIdleEntryIsDestroyedAtTheNextAcquire() throws {
        var pool = MachineHarness()
        let old = try pool.makeIdle(key("a"))
        old.isUsable = false
        pool.acquire(key("a"))
        #expect(pool.destructions.map(\.entry.number) == [old.number])
        #expect(pool.creations.count == 1)
    }

    @Test func thoseThatWaitForALeaseOfABrokenEntryGetItsSuccessor() throws {
        var pool = MachineHarness { $0.maxLeasesPerEntry = 1 }
        let first = pool.acquire(key("a"), "red")
        let old = try pool.finishCreation()
        let second = pool.acquire(key("a"))
        old.isUsable = false
        #expect(pool.acquireNow(key("a"), "blue").failure == .conflict)
        try pool.release(first)
        #expect(pool.destructions.map(\.entry.number) == [old.number])
        let new = try pool.finishCreation()
        #expect(new.configuration == "red")
        #expect(try pool.lease(second).entry === new)
    }

    // MARK: Eviction by hand

    @Test func evictionWaitsForLeasesUnlessForced() throws {
        var pool = MachineHarness()
        #expect(pool.evict(key("a")) == .notLive)
        try pool.makeIdle(key("a"))
        #expect(pool.evict(key("a")) == .destroyed)

        let number = pool.acquire(key("b"))
        try pool.finishCreation()
        #expect(pool.evict(key("b")) == .retired)
        #expect(pool.machine.describe(key("b"), at: pool.now) == nil)
        #expect(pool.destructions.count == 1)
        try pool.release(number)
        #expect(pool.destructions.count == 2)

        let held = pool.acquire(key("c"))
        try pool.finishCreation()
        #expect(pool.evict(key("c"), force: true) == .destroyed)
        #expect(pool.destructions.map(\.revokedLeases) == [0, 0, 1])
        #expect(pool.statistics.leases == 0)
        try pool.release(held)
        #expect(pool.statistics.staleReleases == 1)
    }

    @Test func allEntriesOfAnOrgGoAndNoOthers() throws {
        var pool = MachineHarness()
        pool.evictAll(of: 7)
        try pool.makeIdle(key("a"))
        try pool.makeIdle(key("b"))
        try pool.makeIdle(key("a", org: 2))
        let number = pool.acquire(key("c"))
        try pool.finishCreation()
        pool.evictAll(of: key("a").org)
        #expect(pool.destructions.count == 2)
        #expect(pool.machine.describe(key("c"), at: pool.now) == nil)
        try pool.release(number)
        #expect(pool.destructions.count == 3)
        #expect(pool.machine.describe(key("a", org: 2), at: pool.now)?.state == .idle(for: .zero))
    }

    // MARK: Description

    @Test func aKeyIsDescribedWithoutMakingAnything() throws {
        var pool = MachineHarness { $0.maxEntries = 1 }
        #expect(pool.machine.describe(key("a"), at: pool.now) == nil)
        let number = pool.acquire(key("a"))
        #expect(pool.machine.describe(key("a"), at: pool.now)?.state == .creating)
        try pool.finishCreation().isUsable = false
        let active = try #require(pool.machine.describe(key("a"), at: pool.now))
        #expect(active == EntryDescription(state: .active, isUsable: false, leases: 1, waiters: 0))
        pool.acquire(key("b"))
        #expect(pool.machine.describe(key("b"), at: pool.now)?.state == .waitingForRoom)
        pool.cancel(2)
        try pool.release(number)
        pool.advance(by: .seconds(7))
        #expect(pool.machine.describe(key("a"), at: pool.now)?.state == .idle(for: .seconds(7)))
        #expect(pool.creations.isEmpty)
    }
}
