import AgentBackend
import BrokerTestKit
import BrokerWire
import Foundation
import Synchronization
import Testing

@testable import BrokerServer

/// Workspaces that nobody uses, under a clock that the test moves.
@Suite(.timeLimit(.minutes(1))) struct RetentionTests {
    private static let day: Duration = .seconds(86_400)

    /// A time that stands still, and what the host's clock says of it.
    private final class TestTime: Sendable {
        let clock = MockClock()
        /// What the host's clock is ahead.
        let shift = Atomic<Int64>(0)

        var broker: BrokerTime {
            BrokerTime(clock: clock) { [self] in
                1_700_000_000_000_000_000 + shift.load(ordering: .relaxed) + clock.now.offset.inNanoseconds
            }
        }
    }

    /// Time is at the first round's sleep when `body` begins. Entries end as soon as they are idle.
    private func withRetention(
        keep: [String] = [],
        maxDeletions: Int = 100,
        _ body: (InProcessBroker, WireConversation, TestTime) async throws -> Void
    ) async throws {
        let time = TestTime()
        let patterns = keep.compactMap { KeyPattern($0) }
        let configure = { (configuration: inout BrokerConfiguration) in
            configuration.pool.idleTimeout = .milliseconds(1)
            configuration.pool.cleanupInterval = .milliseconds(10)
            configuration.retention.maxDeletions = maxDeletions
            configuration.orgs[0].retention.unusedFor = Self.day * 30
            configuration.orgs[0].retention.keep = patterns
        }
        try await withBroker(orgs: ["acme", "keeper"], configure: configure, time: time.broker) { broker in
            await time.clock.nextTimerScheduled()
            let client = try await WireConversation(with: broker)
            try await body(broker, client, time)
            await client.client.close()
        }
    }

    /// Lets so much time pass, and one round.
    private func pass(_ duration: Duration, _ time: TestTime) async {
        time.clock.advance(by: duration)
        await time.clock.nextTimerScheduled()
    }

    private func use(_ keys: [String], _ client: WireConversation) async throws {
        for key in keys { try await client.write("x", to: "f", key: key) }
        // The last use is noted when the entry has been destroyed.
        try await client.waitUntil { stats in
            stats.pool.creating + stats.pool.active + stats.pool.idle + stats.pool.destroying == 0
        }
    }

    @Test func whatWasNotUsedForLongIsDeleted() async throws {
        try await withRetention(keep: ["prod-*"]) { broker, client, time in
            let keeper = try await WireConversation(with: broker, org: "keeper")
            try await use(["a", "b", "prod-1"], client)
            try await use(["a"], keeper)
            await pass(Self.day * 20, time)
            try await use(["b"], client)
            await pass(Self.day * 9.9, time)
            #expect(try await client.workspaces().workspaces.map(\.key) == ["a", "b", "prod-1"])
            await pass(Self.day * 0.2, time)
            #expect(try await client.workspaces().workspaces.map(\.key) == ["b", "prod-1"])
            await broker.untilTrashIsEmpty()
            let stats = try await client.statistics()
            #expect(stats.workspacesExpired == 1 && stats.workspacesDeleted == 0)
            await pass(Self.day * 1000, time)
            #expect(try await client.workspaces().workspaces.map(\.key) == ["prod-1"])
            // An org without a rule keeps everything.
            #expect(try await keeper.workspaces().workspaces.map(\.key) == ["a"])
            await keeper.client.close()
        }
    }

    /// Also when the broker is killed: what is in use is noted with each round.
    @Test func whatIsInUseStays() async throws {
        try await withRetention { broker, client, time in
            try await client.write("x", to: "f", key: "a")
            let lease = try await client.acquire("a")
            await pass(Self.day * 1000, time)
            #expect(try await client.read("f", key: "a") == "x")
            let mark = try FileManager.default.attributesOfItem(atPath: "\(broker.root)/state/used/acme/a")
            let noted = try #require(mark[.modificationDate] as? Date)
            #expect(Int64(noted.timeIntervalSince1970) == 1_700_000_000 + 1000 * 86_400)
            try await client.call(client.frame(.release(Release(lease: lease.lease))))
            try await use(["a"], client)
            await pass(Self.day * 29, time)
            #expect(try await client.workspaces().workspaces.map(\.key) == ["a"])
            await pass(Self.day * 2, time)
            #expect(try await client.workspaces().workspaces.isEmpty)
        }
    }

    @Test func aRoundIsBoundedAndTakesTheOldestFirst() async throws {
        try await withRetention(maxDeletions: 2) { _, client, time in
            for key in ["c", "a", "d", "b"] {
                try await use([key], client)
                await pass(Self.day, time)
            }
            await pass(Self.day * 100, time)
            #expect(try await client.workspaces().workspaces.map(\.key) == ["b", "d"])
            await pass(.seconds(600), time)
            #expect(try await client.workspaces().workspaces.isEmpty)
        }
    }

    /// The host's clock is no proof that time has passed.
    @Test func aClockThatIsSetDeletesNothingAtOnce() async throws {
        try await withRetention { _, client, time in
            try await use(["a"], client)
            time.shift.store((Self.day * 365).inNanoseconds, ordering: .relaxed)
            await pass(.seconds(600), time)
            #expect(try await client.workspaces().workspaces.map(\.key) == ["a"])
            time.shift.store(0, ordering: .relaxed)
            for _ in 0..<3 { await pass(.seconds(600), time) }
            #expect(try await client.workspaces().workspaces.map(\.key) == ["a"])
        }
    }

    @Test func aWatchNoticesThatTheClockWasSet() {
        var watch = WallClockWatch(elapsed: .seconds(5), wall: Self.wall(1000))
        let looks: [(elapsed: Int, wall: Int, isSteady: Bool)] = [
            (605, 1600, true), (1205, 2259, true), (1805, 2920, false), (2405, 3580, true), (2406, 3520, false),
        ]
        for look in looks {
            let isSteady = watch.isSteady(elapsed: .seconds(look.elapsed), wall: Self.wall(look.wall))
            #expect(isSteady == look.isSteady, "\(look)")
        }
    }

    private static func wall(_ seconds: Int) -> Int64 { Int64(seconds) * 1_000_000_000 }
}
