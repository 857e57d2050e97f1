import AgentBackend
import Testing

@testable import BackendPool

@Suite struct DrainTests {
    @Test func anEmptyPoolIsDrainedAtOnce() {
        var pool = MachineHarness()
        pool.drain(deadline: .seconds(1))
        #expect(pool.isFinished)
        #expect(pool.machine.report == DrainReport())
    }

    @Test func runningLeasesFinishBeforeTheDeadline() throws {
        var pool = MachineHarness()
        try pool.makeIdle(key("idle"))
        let number = pool.acquire(key("busy"))
        try pool.finishCreation()
        pool.drain(deadline: .seconds(10))
        #expect(pool.destructions.map(\.key.name) == ["idle"])
        #expect(pool.acquireNow(key("busy")).failure == .shuttingDown)
        #expect(pool.acquireNow(key("new")).failure == .shuttingDown)
        #expect(!pool.hits(key("busy")))

        pool.advance(by: .seconds(5))
        try pool.release(number)
        #expect(pool.destructions.map(\.key.name) == ["idle", "busy"])
        #expect(pool.destructions.map(\.reason) == [.drain, .drain])
        try pool.finishDestruction()
        #expect(!pool.isFinished)
        try pool.finishDestruction()
        #expect(pool.isFinished)
        let report = try #require(pool.machine.report)
        #expect(report.finished == 1)
        #expect(report.cancelled == 0)
        #expect(report.destroyed == 2)
    }

    @Test func leasesStillHeldAtTheDeadlineAreCancelled() throws {
        var pool = MachineHarness()
        let numbers = [pool.acquire(key("a")), pool.acquire(key("a"))]
        try pool.finishCreation()
        pool.drain(deadline: .seconds(10))
        pool.advance(by: .seconds(9))
        #expect(pool.destructions.isEmpty)
        pool.advance(by: .seconds(1))
        #expect(pool.destructions.map(\.revokedLeases) == [2])
        try pool.finishDestruction()
        #expect(pool.isFinished)
        #expect(pool.machine.report?.cancelled == 2)
        #expect(pool.machine.report?.finished == 0)

        try pool.release(numbers[0])
        #expect(pool.statistics.staleReleases == 1)
        #expect(pool.statistics.leases == 0)
    }

    @Test func thoseThatWaitAreRefused() throws {
        var pool = MachineHarness { $0.maxEntries = 1 }
        let creating = pool.acquire(key("a"))
        let queued = pool.acquire(key("b"))
        pool.drain(deadline: .seconds(10))
        #expect(pool.error(creating)?.code == .shuttingDown)
        #expect(pool.error(queued)?.code == .shuttingDown)
        #expect(pool.statistics.waiting == 0)
        #expect(!pool.isFinished)

        let entry = try pool.finishCreation()
        #expect(pool.destructions.map(\.entry.number) == [entry.number])
        try pool.finishDestruction()
        #expect(pool.isFinished)
        #expect(pool.machine.report?.failed == 2)
    }

    @Test func aCreationThatFailsMeanwhileEndsTheDrain() throws {
        var pool = MachineHarness()
        pool.acquire(key("a"))
        pool.drain(deadline: .seconds(10))
        try pool.failCreation()
        #expect(pool.isFinished)
        #expect(pool.machine.report?.failed == 2)
    }

    @Test func creationsAreCancelledAtTheDeadline() throws {
        var pool = MachineHarness()
        pool.acquire(key("a"))
        pool.drain(deadline: .seconds(10))
        pool.advance(by: .seconds(9))
        #expect(!pool.creationsWereCancelled)
        pool.advance(by: .seconds(1))
        #expect(pool.creationsWereCancelled)
        #expect(!pool.isFinished, "the creation has not reported yet")
        try pool.failCreation()
        #expect(pool.isFinished)
    }

    @Test func aSecondDrainCanOnlyBringTheDeadlineForward() throws {
        var pool = MachineHarness()
        pool.acquire(key("a"))
        try pool.finishCreation()
        pool.drain(deadline: .seconds(10))
        pool.drain(deadline: .seconds(100))
        pool.drain(deadline: .seconds(5))
        pool.advance(by: .seconds(5))
        #expect(pool.destructions.count == 1)
        pool.drain(deadline: .zero)
        #expect(pool.destructions.count == 1)
    }

    @Test func keysThatRestDoNotHoldUpADrain() throws {
        var pool = MachineHarness()
        pool.acquire(key("a"))
        try pool.failCreation()
        let number = pool.acquire(key("a"))
        pool.drain(deadline: .seconds(1))
        #expect(pool.error(number)?.code == .shuttingDown)
        #expect(pool.isFinished)
    }

    @Test func aForcedEvictionAndAReplacedEntryEndWithTheDrain() throws {
        var pool = MachineHarness()
        pool.acquire(key("a"))
        try pool.finishCreation().isUsable = false
        pool.acquire(key("a"))
        try pool.finishCreation()
        pool.drain(deadline: .zero)
        #expect(pool.destructions.count == 2)
        #expect(pool.machine.ledger.statistics.leases == 0)
    }
}
