import AgentBackend
import Testing

@testable import BrokerServer

/// Who is told of an operation.
@Suite(.timeLimit(.minutes(1))) struct LogFollowerTests {
    private let log = OperationsLog(mode: nil, output: BrokerOutput(descriptor: -1))

    private func follow(_ org: String?, isVerbose: Bool = false, buffer: Int = 1 << 20) throws -> LogFollower {
        try log.follow(org, isVerbose: isVerbose, maximum: 2, buffer: buffer)
    }

    private func record(_ operation: String) -> OperationRecord { OperationRecord(operation: operation, time: 0) }

    @Test func nothingIsOfInterestWhereNobodyFollows() throws {
        let entry = EntryLog(log, org: "a", key: "k", mode: nil)
        #expect(!entry.records(isModifying: true))
        let plain = try follow("a")
        #expect(entry.records(isModifying: true) && !entry.records(isModifying: false, hasFailed: false))
        // It may fail, and then it is.
        #expect(entry.records(isModifying: false) && entry.records(isModifying: false, hasFailed: true))
        let verbose = try follow(nil, isVerbose: true)
        #expect(entry.records(isModifying: false, hasFailed: false))
        #expect(EntryLog(log, org: "b", key: "k", mode: nil).records(isModifying: false, hasFailed: false))
        log.unfollow(verbose)
        #expect(!entry.records(isModifying: false, hasFailed: false) && entry.records(isModifying: true))
        #expect(!EntryLog(log, org: "b", key: "k", mode: nil).records(isModifying: true))
        log.unfollow(plain)
        #expect(!entry.records(isModifying: true) && !entry.records(isModifying: false))
    }

    @Test func aReadThatFailedIsTold() async throws {
        let follower = try follow("a")
        let entry = EntryLog(log, org: "a", key: "k", mode: nil)
        entry.record(record("stat"), isModifying: false)
        var failed = record("read")
        failed.failure = .readFailed
        entry.record(failed, isModifying: false)
        #expect(await follower.next()?.records.map(\.operation) == ["read"])
    }

    @Test func aChangedModeCountsForEntriesThatLive() {
        let entry = EntryLog(log, org: "a", key: "k", mode: nil)
        let own = EntryLog(log, org: "a", key: "k", mode: .standard)
        log.setMode(.verbose)
        #expect(entry.records(isModifying: false) && entry.mode == .verbose)
        #expect(!own.records(isModifying: false) && own.mode == .standard)
        #expect(EntryLog(log, org: "b", key: "k", mode: nil).records(isModifying: false))
        log.setMode(nil)
        #expect(!entry.records(isModifying: true))
    }

    @Test func whatDoesNotFitIsCounted() async throws {
        let follower = try follow("a", buffer: 2000)
        let entry = EntryLog(log, org: "a", key: "k", mode: nil)
        for _ in 0..<100 { entry.record(record("write"), isModifying: true) }
        let batch = try #require(await follower.next())
        #expect(batch.records.count > 0 && batch.records.count + Int(batch.missingAfter) == 100)
        #expect(batch.missingAfter > 80)
        entry.record(record("rm"), isModifying: true)
        #expect(await follower.next()?.records.map(\.operation) == ["rm"])
    }

    @Test func waitsUntilThereIsSomething() async throws {
        let follower = try follow("a")
        async let batch = follower.next()
        EntryLog(log, org: "b", key: "k", mode: nil).record(record("other"), isModifying: true)
        EntryLog(log, org: "a", key: "k", mode: nil).record(record("read"), isModifying: false)
        EntryLog(log, org: "a", key: "k", mode: nil).record(record("write"), isModifying: true)
        #expect(await batch?.records.map(\.operation) == ["write"])
    }

    @Test func endsWithItsTaskOrWithTheBroker() async throws {
        let follower = try follow("a")
        let isOver = await withTaskGroup(of: Bool.self) { group in
            group.addTask { await follower.next() == nil }
            group.cancelAll()
            return await group.next()
        }
        #expect(isOver == true)
        EntryLog(log, org: "a", key: "k", mode: nil).record(record("last"), isModifying: true)
        log.endFollowing()
        #expect(await follower.next()?.records.map(\.operation) == ["last"])
        #expect(await follower.next() == nil)
        #expect(throws: BackendError.self) { try follow("a") }
    }

    @Test func eachOrgHasItsOwnNumberOfFollowers() throws {
        let followers = try [follow("a"), follow("a"), follow("b"), follow(nil), follow(nil)]
        for org in ["a", nil] {
            let error = #expect(throws: BackendError.self) { try follow(org) }
            #expect(error?.limit == LimitDetails(name: "log_followers", used: 2, allowed: 2))
        }
        log.unfollow(followers[0])
        _ = try follow("a")
    }
}
