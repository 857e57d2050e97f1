import AgentBackend
import BackendPool
import BrokerTestKit
import Synchronization
import Testing

/// Leases that someone holds by hand.
@Suite(.timeLimit(.minutes(1))) struct LeaseTests {
    @Test func aLeaseIsHeldUntilItIsReleased() async throws {
        try await withPool { pool, factory in
            let lease = try await pool.acquire(key("a"))
            let (isNew, heldKey, entry) = (lease.isNew, lease.key, lease.entry)
            #expect(isNew)
            #expect(heldKey == key("a"))
            #expect(entry === factory.made.first)
            #expect(pool.statistics().leases == 1)
            lease.release()
            #expect(pool.statistics().leases == 0)
            #expect(pool.statistics().idle == 1)
            #expect(pool.statistics().staleReleases == 0)
            #expect(pool.statistics().abandonedLeases == 0)
        }
    }

    @Test func aLeaseThatIsLetGoOfIsTakenBackAndReported() async throws {
        try await withPool { pool, factory in
            func forget() async throws {
                _ = try await pool.acquire(key("a", org: 3))
            }
            try await forget()
            #expect(pool.statistics().leases == 0)
            #expect(pool.statistics().idle == 1)
            #expect(pool.statistics().abandonedLeases == 1)
            #expect(pool.statistics(org: 3).abandonedLeases == 1)
            #expect(factory.observer.takenBack.withLock { $0 } == [key("a", org: 3)])
        }
    }

    @Test func aLeaseThatIsTakenBackGoesToWhoWaits() async throws {
        try await withPool({ $0.maxLeasesPerEntry = 1 }) { pool, _ in
            func forget(_ lease: consuming TestPool.Lease) {}

            let first = try await pool.acquire(key("a"))
            async let second: Int = pool.withEntry(key("a")) { entry in entry.number }
            await until { pool.statistics().waiting == 1 }
            forget(first)
            #expect(try await second == 1)
        }
    }

    @Test func aLeaseThatThePoolHasEndedIsHarmless() async throws {
        try await withPool { pool, factory in
            let lease = try await pool.acquire(key("a"))
            #expect(pool.evict(key("a"), force: true) == .destroyed)
            await until { factory.made[0].destructions == 1 }
            lease.release()
            #expect(pool.statistics().leases == 0)
            #expect(pool.statistics().staleReleases == 1)
        }
    }

    @Test func aKeyThatIsNoNameIsRefused() async throws {
        try await withPool { pool, factory in
            for name in ["", "..", "a/b", "caf\u{e9}", String(repeating: "x", count: 129)] {
                let error = await #expect(throws: BackendError.self) { try await pool.acquireGrant(key(name)) }
                #expect(error?.code == .invalidArgument)
            }
            #expect(factory.made.isEmpty)
        }
    }

    // MARK: Configuration

    @Test func aConfigurationIsMergedOverTheDefault() async throws {
        try await withPool { pool, factory in
            let lease = try await pool.acquire(key("a"), configuration: "red")
            let entry = lease.entry
            #expect(entry.configuration == "default+red")
            let hit = try #require(pool.tryAcquire(key("a"), configuration: "red"))
            pool.release(hit.id)
            #expect(pool.tryAcquire(key("a"), configuration: "blue") == nil)
            let conflict = await #expect(throws: BackendError.self) {
                try await pool.acquireGrant(key("a"), configuration: "blue")
            }
            #expect(conflict?.code == .conflict)
            lease.release()
            #expect(try await pool.withEntry(key("a")) { $0.configuration } == "default+red")
            #expect(try await pool.withEntry(key("b")) { $0.configuration } == "default")
            #expect(factory.made.count == 2)
        }
    }

    @Test func variablesAreMergedByName() throws {
        let defaults = EntryConfiguration(
            environment: try Environment(["A": "1", "B": "2"]),
            logMode: .standard,
            limits: .init(maximumLeases: 5),
            idleTimeout: .seconds(7)
        )
        let wanted = EntryConfiguration(environment: try Environment(["B": "3"]), limits: .init(maximumFileBytes: 7))
        let merged = defaults.merging(wanted)
        #expect(merged.environment == (try Environment(["A": "1", "B": "3"])))
        #expect(merged.logMode == .standard)
        #expect(merged.idleTimeout == .seconds(7))
        #expect(merged.limits == .init(maximumFileBytes: 7, maximumLeases: 5))
        #expect(defaults.merging(EntryConfiguration()) == defaults)
        #expect(EntryConfiguration().merging(defaults) == defaults)
    }

    @Test func lookingAtAnEntryIsNoUseOfIt() async throws {
        try await withPool { pool, factory in
            #expect(pool.peek(key("a")) == nil)
            pool.release(try await pool.acquireGrant(key("a")).id)
            factory.clock.advance(by: .seconds(7))
            #expect(pool.peek(key("a")) === factory.made[0])
            #expect(pool.describe(key("a"))?.state == .idle(for: .seconds(7)))
            #expect(pool.statistics().hits == 0)
        }
    }

    @Test func anOrgsLimitsChangeWhileThePoolRuns() async throws {
        try await withPool { pool, factory in
            try pool.setLimits(.init(maxEntries: 1), of: 1)
            #expect(pool.configuration.orgs == [1: .init(maxEntries: 1)])
            #expect(throws: BackendError.self) { try pool.setLimits(.init(weight: 0), of: 2) }
            let first = try await pool.acquire(key("a"))
            async let second: Int = pool.withEntry(key("b")) { entry in entry.number }
            await until { pool.statistics(org: 1).queued == 1 }
            try pool.setLimits(nil, of: 1)
            #expect(try await second == 2)
            first.release()
        }
    }
}
