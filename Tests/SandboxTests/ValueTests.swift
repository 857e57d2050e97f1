import AgentBackend
import Testing

@testable import Sandbox

@Suite struct StartQueueTests {
    @Test func letsAsManyGoAsThereAreSlots() {
        var queue = StartQueue<String>(slots: 2, maximumWaiting: 1)
        #expect(queue.enter("a") == .proceed)
        #expect(queue.enter("a") == .proceed)
        #expect(queue.enter("a") == .wait(0))
        #expect(queue.enter("a") == .refused)
        #expect(queue.enter("b") == .refused)
    }

    @Test func isFirstComeFirstServedWithinAParty() {
        var queue = StartQueue<String>(slots: 1, maximumWaiting: 10)
        _ = queue.enter("a")
        for ticket in 0..<3 as Range<UInt64> { #expect(queue.enter("a") == .wait(ticket)) }
        #expect(queue.leave() == 0)
        #expect(queue.leave() == 1)
        #expect(queue.leave() == 2)
        #expect(queue.leave() == nil)
        #expect(queue.enter("a") == .proceed)
    }

    @Test func partiesTakeTurns() {
        var queue = StartQueue<String>(slots: 1, maximumWaiting: 100)
        _ = queue.enter("a")
        for _ in 0..<4 { _ = queue.enter("a") }
        for _ in 0..<2 { _ = queue.enter("b") }
        _ = queue.enter("c")
        #expect((0..<8).map { _ in queue.leave() } == [0, 4, 6, 1, 5, 2, 3, nil])
        // Whoever comes again is behind those that wait.
        #expect(queue.enter("d") == .proceed)
        #expect(queue.enter("a") == .wait(7))
        #expect(queue.enter("a") == .wait(8))
        #expect(queue.enter("b") == .wait(9))
        #expect(queue.leave() == 7)
        #expect(queue.enter("c") == .wait(10))
        #expect((0..<4).map { _ in queue.leave() } == [9, 8, 10, nil])
    }

    @Test func passesOverWhoGaveUp() {
        var queue = StartQueue<String>(slots: 1, maximumWaiting: 2)
        _ = queue.enter("a")
        _ = queue.enter("a")
        #expect(queue.enter("b") == .wait(1))
        #expect(queue.abandon(0) == true)
        #expect(queue.abandon(0) == false)
        // Its place in the queue is free again.
        #expect(queue.enter("a") == .wait(2))
        #expect(queue.leave() == 2)
        #expect(queue.abandon(2) == false)
        #expect(queue.leave() == 1)
        #expect(queue.leave() == nil)
    }
}

@Suite struct CommandAdmissionTests {
    @Test func countsUpToItsLimit() throws {
        var admission = CommandAdmission(maximumRunning: 1)
        try admission.admit()
        #expect(throws: BackendError.self) { try admission.admit() }
        #expect(admission.release() == false)
        try admission.admit()
    }

    @Test func isIdleOnceItShutsDownAndNothingRuns() throws {
        var admission = CommandAdmission(maximumRunning: 2)
        try admission.admit()
        #expect(admission.beginShutdown() == false)
        let error = #expect(throws: BackendError.self) { try admission.admit() }
        #expect(error?.code == .shuttingDown)
        #expect(admission.release() == true)
    }
}

@Suite struct IsolationLevelTests {
    @Test func levelsAreOrderedByStrength() {
        #expect(IsolationLevel.none < .software && .software < .landlock && IsolationLevel.landlock < .bwrap)
        #expect(IsolationLevel.allCases.max() == .bwrap)
    }
}
