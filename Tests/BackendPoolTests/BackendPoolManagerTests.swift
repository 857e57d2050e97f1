import AgentBackend
import BackendPool
import BrokerTestKit
import Synchronization
import Testing

/// The driver: tasks, continuations, the clock.
@Suite(.timeLimit(.minutes(1))) struct BackendPoolManagerTests {
    // MARK: Acquire

    @Test func aThousandConcurrentFirstAcquiresCreateOnce() async throws {
        let gate = Gate()
        try await withPool(gate: gate) { pool, factory in
            let leases = try await withThrowingTaskGroup(of: LeaseGrant<TestEntry>.self) { group in
                for _ in 0..<1000 {
                    group.addTask { try await pool.acquireGrant(key("a")) }
                }
                await until { pool.statistics().waiting == 1000 }
                gate.open()
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(factory.made.count == 1)
            #expect(Set(leases.map(\.id)).count == 1000)
            #expect(leases.allSatisfy { $0.entry === factory.made.first })
            #expect(leases.filter(\.isNew).count == 1)
            for lease in leases {
                pool.release(lease.id)
            }
            #expect(pool.statistics().leases == 0)
            #expect(pool.statistics().idle == 1)
        }
    }

    @Test func aHitNeedsNoTask() async throws {
        try await withPool { pool, _ in
            #expect(pool.tryAcquire(key("a")) == nil)
            let first = try await pool.acquireGrant(key("a"))
            let second = try #require(pool.tryAcquire(key("a")))
            #expect(first.entry === second.entry)
            pool.release(first.id)
            pool.release(second.id)
            #expect(pool.statistics(org: 1).hits == 1)
            #expect(pool.statistics(org: 2).hits == 0)
        }
    }

    @Test func aFailedCreationFailsAllAndTheNextTryWaits() async throws {
        try await withPool { pool, factory in
            factory.failures = 1
            await #expect(throws: BackendError.self) { try await pool.acquireGrant(key("a")) }
            async let second = pool.acquireGrant(key("a"))
            await until { pool.statistics().waiting == 1 }
            #expect(factory.made.isEmpty)
            factory.clock.advance(by: .milliseconds(100))
            let lease = try await second
            #expect(lease.isNew)
            pool.release(lease.id)
        }
    }

    @Test func aCancelledWaiterLeavesTheCreationAlone() async throws {
        let gate = Gate()
        try await withPool(gate: gate) { pool, factory in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    await #expect(throws: BackendError.self) { try await pool.acquireGrant(key("a")) }
                }
                await until { pool.statistics().waiting == 1 }
                group.cancelAll()
                try await group.waitForAll()
            }
            #expect(pool.statistics().creating == 1)
            gate.open()
            await until { pool.statistics().idle == 1 }
            let lease = try #require(pool.tryAcquire(key("a")))
            #expect(lease.entry === factory.made.first)
            pool.release(lease.id)
        }
    }

    @Test func anAcquireOfACancelledTaskDoesNotWait() async throws {
        try await withPool(gate: Gate()) { pool, factory in
            await withTaskGroup(of: Void.self) { group in
                group.cancelAll()
                group.addTask {
                    let error = await #expect(throws: BackendError.self) { try await pool.acquireGrant(key("a")) }
                    #expect(error?.code == .cancelled)
                }
            }
            #expect(pool.describe(key("a")) == nil)
            factory.gate?.open()
        }
    }

    @Test func waitingEndsAtTheDeadlineOfTheClock() async throws {
        try await withPool({ $0.maxEntries = 1 }) { pool, factory in
            let held = try await pool.acquireGrant(key("a"))
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    let error = await #expect(throws: BackendError.self) {
                        try await pool.acquireGrant(key("b"), queueDeadline: .seconds(3))
                    }
                    #expect(error?.code == .resourceExhausted)
                }
                await until { pool.statistics().waiting == 1 }
                await factory.clock.advance(through: .seconds(3))
            }
            pool.release(held.id)
        }
    }

    @Test func aReleaseHandsTheLeaseOn() async throws {
        try await withPool({ $0.maxLeasesPerEntry = 1 }) { pool, _ in
            let first = try await pool.acquireGrant(key("a"))
            async let second = pool.acquireGrant(key("a"))
            await until { pool.statistics().waiting == 1 }
            pool.release(first.id)
            let lease = try await second
            #expect(lease.entry === first.entry)
            pool.release(lease.id)
        }
    }

    @Test func aFloodOfOneOrgHoldsUpNobodyElse() async throws {
        try await withPool({ $0.maxEntries = 1 }) { pool, factory in
            try await withThrowingTaskGroup(of: Int.self) { group in
                let held = try await pool.acquireGrant(key("held", org: 1))
                for number in 0..<300 {
                    group.addTask { try await pool.withEntry(key("k\(number)", org: 1)) { $0.number } }
                }
                await until { pool.statistics().waiting == 300 }
                async let other: Int = pool.withEntry(key("k", org: 2)) { $0.number }
                await until { pool.statistics().waiting == 301 }
                pool.release(held.id)
                // After the one that was held, and at most one of the flood.
                #expect(try await other <= 3)
                try await group.waitForAll()
            }
            #expect(factory.made.count == 302)
        }
    }

    @Test func aLeaseThatIsReleasedTwiceEndsOnce() async throws {
        try await withPool { pool, _ in
            let first = try await pool.acquireGrant(key("a"))
            let second = try await pool.acquireGrant(key("a"))
            pool.release(first.id)
            pool.release(first.id)
            #expect(pool.statistics().leases == 1)
            #expect(pool.statistics().staleReleases == 1)
            pool.release(second.id)
            #expect(pool.statistics().idle == 1)
        }
    }

    // MARK: withEntry

    @Test func theLeaseEndsWithTheBody() async throws {
        struct Stop: Error {}
        try await withPool { pool, _ in
            let number = try await pool.withEntry(key("a")) { entry in
                #expect(pool.statistics().leases == 1)
                return entry.number
            }
            #expect(number == 1)
            #expect(pool.statistics().leases == 0)
            await #expect(throws: Stop.self) { try await pool.withEntry(key("a")) { _ in throw Stop() } }
            #expect(pool.statistics().leases == 0)

            await withTaskGroup(of: Void.self) { group in
                let gate = Gate()
                group.addTask {
                    await #expect(throws: CancellationError.self) {
                        try await pool.withEntry(key("a")) { _ in
                            await gate.wait()
                            try Task.checkCancellation()
                        }
                    }
                }
                await until { pool.statistics().leases == 1 }
                group.cancelAll()
                gate.open()
            }
            #expect(pool.statistics().leases == 0)
        }
    }

    @Test func aKeylessEntryIsDestroyedAfterTheBody() async throws {
        try await withPool { pool, factory in
            try await pool.withEntry(key(nil)) { entry in
                #expect(entry.destructions == 0)
            }
            await until { factory.made.first?.destructions == 1 }
        }
    }

    // MARK: Time

    @Test func anIdleEntryIsDestroyedByTheClock() async throws {
        try await withPool { pool, factory in
            pool.release(try await pool.acquireGrant(key("a")).id)
            await factory.clock.advance(through: .seconds(299))
            #expect(pool.statistics().idle == 1)
            factory.clock.advance(to: .init(offset: .seconds(300)))
            await until { pool.statistics().entries == 0 }
            #expect(factory.made[0].destructions == 1)
            #expect(pool.statistics().expirations == 1)
        }
    }

    // MARK: The end

    @Test func aDrainWaitsForLeasesAndThenForDestructions() async throws {
        let clock = MockClock()
        let factory = Factory(clock: clock, gate: nil)
        let pool = try factory.pool(PoolConfiguration())
        let report = try await withThrowingTaskGroup(of: DrainReport.self) { group in
            group.addTask { await pool.run() }
            let lease = try await pool.acquireGrant(key("a"))
            pool.release(try await pool.acquireGrant(key("b")).id)
            pool.triggerGracefulShutdown(deadline: .seconds(30))
            pool.triggerGracefulShutdown(deadline: .seconds(30))
            let error = await #expect(throws: BackendError.self) { try await pool.acquireGrant(key("a")) }
            #expect(error?.code == .shuttingDown)
            await until { factory.made[1].destructions == 1 }
            #expect(factory.made[0].destructions == 0)
            pool.release(lease.id)
            return try await group.next() ?? DrainReport()
        }
        #expect(factory.made.map(\.destructions) == [1, 1])
        #expect(report.finished == 1)
        #expect(report.cancelled == 0)
        #expect(report.destroyed == 2)
        #expect(clock.sleeperCount == 0)
    }

    @Test func atTheDrainsDeadlineLeasesAreRevokedAndCreationsCancelled() async throws {
        let clock = MockClock()
        let factory = Factory(clock: clock, gate: nil)
        let pool = try factory.pool(PoolConfiguration())
        let report = try await withThrowingTaskGroup(of: DrainReport?.self) { group in
            group.addTask { await pool.run() }
            let lease = try await pool.acquireGrant(key("a"))
            factory.waitsForCancellation = true
            group.addTask {
                let error = await #expect(throws: BackendError.self) { try await pool.acquireGrant(key("stuck")) }
                #expect(error?.code == .shuttingDown)
                return nil
            }
            await until { pool.statistics().waiting == 1 }
            pool.triggerGracefulShutdown(deadline: .seconds(30))
            await clock.advance(through: .seconds(29))
            #expect(pool.statistics().leases == 1)
            clock.advance(to: .init(offset: .seconds(30)))
            var report: DrainReport?
            while let result = try await group.next() {
                report = result ?? report
            }
            #expect(factory.made[0].destructions == 1)
            pool.release(lease.id)
            return report
        }
        #expect(report?.cancelled == 1)
        #expect(report?.failed == 2)
        #expect(factory.observer.revoked.withLock { $0 } == 1)
        #expect(pool.statistics().staleReleases == 1)
    }

    @Test func cancellingTheRunDestroysEverything() async throws {
        let factory = Factory(clock: MockClock(), gate: nil)
        let pool = try factory.pool(PoolConfiguration())
        try await withThrowingTaskGroup(of: DrainReport.self) { group in
            group.addTask { await pool.run() }
            _ = try await pool.acquireGrant(key("a"))
            for number in 0..<200 {
                pool.release(try await pool.acquireGrant(key("k\(number)")).id)
            }
            group.cancelAll()
            let report = try await group.next()
            #expect(report?.destroyed == 201)
            #expect(report?.cancelled == 1)
        }
        #expect(factory.made.allSatisfy { $0.destructions == 1 })
    }

    @Test func aShutdownBeforeTheRunIsNotLost() async throws {
        let pool = try Factory(clock: MockClock(), gate: nil).pool(PoolConfiguration())
        pool.triggerGracefulShutdown(deadline: .seconds(1))
        #expect(await pool.run() == DrainReport())
    }

    @Test func wrongLimitsAreRefused() async throws {
        var configuration = PoolConfiguration()
        configuration.maxEntries = 0
        let factory = Factory(clock: MockClock(), gate: nil)
        #expect(throws: BackendError.self) { try factory.pool(configuration) }
        try await withPool { pool, _ in
            #expect(throws: BackendError.self) { try pool.reconfigure(configuration) }
        }
    }

    // MARK: Many at once

    @Test func nothingIsLostWhenManyThreadsComeAndGo() async throws {
        let change: @Sendable (inout PoolConfiguration) -> Void = {
            $0.maxEntries = 8
            $0.maxEntriesPerOrg = 5
            $0.maxLeasesPerEntry = 3
            $0.defaultQueueDeadline = .seconds(100_000)
        }
        try await withPool(change) { pool, factory in
            await withTaskGroup(of: Void.self) { group in
                for worker in 0..<16 {
                    group.addTask {
                        for round in 0..<200 {
                            let name = (worker &* 7 &+ round) % 11
                            let key = key(name == 0 ? nil : "k\(name)", org: OrgID(1 + worker % 3))
                            let lease = try? await pool.acquireGrant(key)
                            #expect(lease?.entry.key == key)
                            #expect(lease?.entry.destructions == 0)
                            if round % 5 == 0 { await Task.yield() }
                            if let lease { pool.release(lease.id) }
                        }
                    }
                }
            }
            let statistics = pool.statistics()
            #expect(statistics.leases == 0)
            #expect(statistics.waiting == 0)
            #expect(statistics.hits + statistics.misses == 3200)
            #expect(statistics.entries <= 8)
            #expect(Int(statistics.creations) == factory.made.count)
        }
    }
}

extension MockClock {
    /// Moves from timer to timer until one is scheduled for `offset` or later, and then on to `offset`.
    fileprivate func advance(through offset: Duration) async {
        while true {
            let timer = await nextTimerScheduled()
            advance(to: min(timer, Instant(offset: offset)))
            guard timer.offset < offset else { return }
        }
    }
}

typealias TestPool = BackendPoolManager<TestEntry, TestConfiguration, MockClock>

/// Makes entries, and fails or waits to when told so.
final class Factory: Sendable {
    final class Observer: PoolObserver {
        let revoked = Mutex(0)
        let takenBack = Mutex<[PoolKey]>([])

        func poolWillDestroyEntry(_ key: PoolKey, _ reason: DestructionReason, revokedLeases: Int) {
            revoked.withLock { $0 += revokedLeases }
        }

        func poolTookBackLease(_ key: PoolKey) {
            takenBack.withLock { $0.append(key) }
        }
    }

    private struct State {
        var made: [TestEntry] = []
        var failures = 0
        var waitsForCancellation = false
    }

    let clock: MockClock
    /// Creation waits for it.
    let gate: Gate?
    let observer = Observer()
    private let state = Mutex(State())

    init(clock: MockClock, gate: Gate?) {
        self.clock = clock
        self.gate = gate
    }

    var made: [TestEntry] { state.withLock { $0.made } }

    /// So many creations fail.
    var failures: Int {
        get { state.withLock { $0.failures } }
        set { state.withLock { $0.failures = newValue } }
    }

    /// Creations never succeed and end when they are cancelled.
    var waitsForCancellation: Bool {
        get { state.withLock { $0.waitsForCancellation } }
        set { state.withLock { $0.waitsForCancellation = newValue } }
    }

    func pool(_ configuration: PoolConfiguration) throws -> TestPool {
        var configuration = configuration
        configuration.creationBackoff.jitter = 0
        return try TestPool(
            configuration: configuration,
            defaultConfiguration: "default",
            clock: clock,
            observer: observer,
            seed: 1
        ) { (key, configuration) async throws(BackendError) in
            try await self.make(key, configuration)
        }
    }

    private func make(_ key: PoolKey, _ configuration: TestConfiguration) async throws(BackendError) -> TestEntry {
        await gate?.wait()
        if waitsForCancellation {
            do {
                try await clock.sleep(until: .init(offset: .seconds(1_000_000)))
            } catch {
                throw BackendError(.cancelled, message: "the creation was cancelled")
            }
        }
        let entry = state.withLock { state -> TestEntry? in
            guard state.failures == 0 else {
                state.failures -= 1
                return nil
            }
            let entry = TestEntry(key: key, number: state.made.count + 1, configuration: configuration.word)
            state.made.append(entry)
            return entry
        }
        guard let entry else { throw .broken }
        return entry
    }
}

/// Runs `body` with a pool that runs, and ends it.
func withPool(
    _ change: (inout PoolConfiguration) -> Void = { _ in },
    gate: Gate? = nil,
    _ body: (TestPool, Factory) async throws -> Void
) async throws {
    var configuration = PoolConfiguration()
    change(&configuration)
    let factory = Factory(clock: MockClock(), gate: gate)
    let pool = try factory.pool(configuration)
    try await withThrowingTaskGroup(of: DrainReport.self) { group in
        group.addTask { await pool.run() }
        try await body(pool, factory)
        pool.triggerGracefulShutdown(deadline: .zero)
    }
    #expect(factory.made.allSatisfy { $0.destructions == 1 }, "each entry is destroyed once")
}
