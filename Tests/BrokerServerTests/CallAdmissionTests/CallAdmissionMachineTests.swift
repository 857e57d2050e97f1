import AgentBackend
import Testing

@testable import BrokerServer

@Suite struct CallAdmissionMachineTests {
    /// Whoever asks too early is refused, and the org begins afresh when it comes.
    @Test func anOrgThatIsNotKnownMayNothing() {
        let harness = CallAdmissionHarness(orgCount: 1)
        #expect(harness.connect(7)?.limit?.name == "org_connections")
        #expect(harness.reserve(7, upTo: 1, at: .zero) <= 1)
        #expect(!harness.settle(7, unused: 0, bytes: 1_000_000))
        for slot in CallAdmissionSlot.allCases { #expect(harness.refusals[harness.enter(slot, org: 7)] != nil) }
        #expect(harness.refusals[harness.enter(org: 7, bytes: 1)] != nil)
        #expect(harness.refusals[harness.waitForRate(org: 7)] != nil)
        harness.machine.disconnect(8)
        #expect(harness.machine.leave(nil, bytes: 0, org: 9, at: .zero).isEmpty)
        #expect(harness.machine.snapshot(of: 7, at: .zero).refusals.total == 5)

        harness.setLimits(.wide, of: 7)
        #expect(harness.connect(7) == nil)
        let rate = CallAdmissionLimits.wide.callsPerSecond
        #expect(harness.reserve(7, upTo: rate, at: .zero) == rate)
        let calls = [harness.enter(org: 7, bytes: 1), harness.enter(org: 0)]
        #expect(harness.begun == calls)
    }

    /// Of an org that keeps too much, the connection that keeps most has to go, and others are not told of it.
    @Test func whatConnectionsKeepHasABound() {
        let harness = CallAdmissionHarness(orgCount: 2) { $0.bytesInFlight = 10 << 20 }
        func keeps(_ mebibytes: Int, _ connection: UInt64, org: Org.ID = 0) -> UInt64? {
            harness.machine.keepsBuffers(mebibytes << 20, connection: connection, org: org)?.connection
        }
        #expect(keeps(4, 1) == nil)
        #expect(keeps(5, 2) == nil)
        #expect(keeps(9, 3, org: 1) == nil)
        #expect(keeps(2, 4) == 2)
        // It counts no more; what becomes less is no reason to go.
        #expect(keeps(0, 2) == nil)
        #expect(keeps(4, 5) == nil)
        #expect(keeps(3, 1) == nil)
        #expect(keeps(9, 5) == 5)
        #expect(keeps(5, 4) == nil)
        // Calls have nothing to do with it.
        let call = harness.enter(bytes: 10 << 20)
        #expect(harness.begun == [call])
        #expect(harness.machine.snapshot(of: 0, at: .zero).refusals[.bufferedBytes] == 2)
    }

    @Test func oneConnectionMayAlwaysHaveALongFrame() {
        let harness = CallAdmissionHarness { $0.bytesInFlight = 1 }
        #expect(harness.machine.keepsBuffers(8 << 20, connection: 1, org: 0) == nil)
        #expect(harness.machine.keepsBuffers(9 << 20, connection: 1, org: 0)?.connection == 1)
    }

    @Test func fewAskAtATimeWhatGoesOn() {
        let harness = CallAdmissionHarness(calls: 0, orgCount: 2) { $0.queuedCalls = 0 }
        for _ in 0..<16 { #expect(harness.machine.beginInspection(0) == nil) }
        #expect(
            harness.machine.beginInspection(0)?.limit == LimitDetails(name: "org_inspections", used: 16, allowed: 16)
        )
        #expect(harness.machine.beginInspection(1) == nil)
        harness.machine.endInspection(0)
        #expect(harness.machine.beginInspection(0) == nil)
    }

    // MARK: Fairness

    /// The broker's slots are the bottleneck: a call of another org comes next, whatever waits.
    @Test(arguments: CallAdmissionSlot.allCases, [1, 4])
    func aFloodDelaysAnotherOrgByTheCallsThatRunAlone(slot: CallAdmissionSlot, count: Int) {
        let harness = CallAdmissionHarness(calls: count, commands: count, orgCount: 2)
        var flood: [Int] = []
        for _ in 0..<10_000 { flood.append(harness.enter(slot, org: 0)) }
        #expect(harness.begun == Array(flood.prefix(count)))
        let mine = harness.enter(slot, org: 1)
        #expect(harness.isWaiting(mine))
        harness.leave(flood[0], slot)
        #expect(harness.begun.last == mine)
        // And so on, for as long as the flood lasts: whenever one call of the other org was answered, its next one is
        // begun as soon as any one call ends.
        var last = mine
        var running = Array(flood[1..<max(count, 1)])
        for _ in 0..<1000 {
            harness.leave(last, slot)
            if let begun = harness.begun.last { running.append(begun) }
            let next = harness.enter(slot, org: 1)
            #expect(harness.isWaiting(next))
            harness.leave(running.removeFirst(), slot)
            #expect(harness.begun.last == next)
            last = next
        }
        #expect(harness.begun.count == count + 2001)
    }

    /// Of any number of orgs each gets its turn before any gets its second.
    @Test func orgsTakeTurns() {
        let harness = CallAdmissionHarness(calls: 1, orgCount: 5)
        let first = harness.enter(org: 0)
        for org in 0..<5 { for _ in 0..<10 { harness.enter(org: Org.ID(org)) } }
        harness.leave(first)
        for _ in 0..<24 { if let last = harness.begun.last { harness.leave(last) } }
        let turns = harness.begun.dropFirst().compactMap { harness.org(of: $0) }
        #expect(turns == Array(repeating: [1, 2, 3, 4, 0], count: 5).flatMap { $0 })
    }

    @Test func aTurnIsAsLongAsTheWeight() {
        var heavy = CallAdmissionLimits.wide
        heavy.weight = 3
        let harness = CallAdmissionHarness(calls: 1, orgs: [heavy, .wide])
        let first = harness.enter(org: 1)
        for _ in 0..<20 {
            harness.enter(org: 0)
            harness.enter(org: 1)
        }
        harness.leave(first)
        for _ in 0..<15 { if let last = harness.begun.last { harness.leave(last) } }
        let turns = harness.begun.dropFirst().compactMap { harness.org(of: $0) }
        #expect(turns == Array(repeating: [0, 0, 0, 1], count: 4).flatMap { $0 })
    }

    /// An org at its own limit holds nobody up, and takes its turn again when it may.
    @Test func anOrgAtItsOwnLimitIsPassedOver() {
        var narrow = CallAdmissionLimits.wide
        narrow.callsInFlight = 1
        let harness = CallAdmissionHarness(calls: 2, orgs: [narrow, .wide])
        let first = harness.enter(org: 0)
        let second = harness.enter(org: 0)
        let other = harness.enter(org: 1)
        let another = harness.enter(org: 1)
        #expect(harness.begun == [first, other])
        harness.leave(other)
        #expect(harness.begun == [first, other, another])
        harness.leave(first)
        #expect(harness.begun == [first, other, another, second])
    }

    /// Commands have slots of their own: an org that waits for them goes on with everything else.
    @Test func commandsAndOtherCallsDoNotWaitForEachOther() {
        let harness = CallAdmissionHarness { $0.commandsRunning = 1 }
        let command = harness.enter(.command)
        let waiting = harness.enter(.command)
        let call = harness.enter(.call)
        #expect(harness.begun == [command, call])
        #expect(harness.isWaiting(waiting))
    }

    // MARK: The end of a wait

    @Test func aCallWaitsUntilItsDeadline() {
        let harness = CallAdmissionHarness { $0.callsInFlight = 2 }
        harness.enter()
        harness.enter()
        let call = harness.enter(patience: .seconds(3))
        harness.advance(to: .seconds(3) - .nanoseconds(1))
        #expect(harness.isWaiting(call))
        harness.advance(to: .seconds(3))
        let error = harness.refusals[call]
        #expect(error?.code == .resourceExhausted)
        #expect(error?.limit == LimitDetails(name: "org_calls_in_flight", used: 2, allowed: 2))
        #expect(error?.isRetryable == true)
        #expect(error?.retryAfter == .seconds(3))
        #expect(error?.maybeExecuted == false)
    }

    /// However long it would wait.
    @Test func noCallWaitsLongerThanItsOrgMay() {
        let harness = CallAdmissionHarness(calls: 1) { $0.queueTimeout = .seconds(2) }
        harness.enter()
        let call = harness.enter(patience: .seconds(60))
        harness.advance(to: .seconds(2))
        #expect(harness.refusals[call]?.limit == LimitDetails(name: "calls_in_flight", used: 1, allowed: 1))
    }

    /// The wait for a slot goes on where that for the rate ended.
    @Test func theDeadlineCountsFromTheFirstWait() {
        let harness = CallAdmissionHarness(calls: 1)
        harness.enter()
        harness.advance(to: .seconds(5))
        let call = harness.enter(patience: .seconds(6), since: .seconds(1))
        harness.advance(to: .seconds(7))
        #expect(harness.refusals[call] != nil)
    }

    @Test func aFullQueueRefusesAtOnce() {
        let harness = CallAdmissionHarness(orgCount: 2) {
            $0.callsInFlight = 1
            $0.queuedCalls = 3
        }
        let first = harness.enter(org: 0)
        for _ in 0..<3 { harness.enter(org: 0) }
        harness.advance(to: .seconds(2))
        let refused = harness.enter(org: 0)
        let error = harness.refusals[refused]
        #expect(error?.limit == LimitDetails(name: "org_queued_calls", used: 3, allowed: 3))
        #expect(error?.retryAfter == .seconds(2))
        #expect(harness.machine.snapshot(of: 0, at: harness.now).refusals[.queuedCalls] == 1)
        // The queue is the org's own, and has room again.
        let other = harness.enter(org: 1)
        #expect(harness.begun.contains(other))
        harness.leave(first)
        #expect(harness.isWaiting(harness.enter(org: 0)))
    }

    @Test func aCallThatGivesUpIsPassedOver() throws {
        let harness = CallAdmissionHarness(calls: 1)
        let first = harness.enter()
        let second = harness.enter()
        let third = harness.enter()
        let ticket = try #require(harness.tickets[second])
        #expect(harness.cancel(ticket))
        #expect(!harness.cancel(ticket))
        harness.leave(first)
        #expect(harness.begun == [first, third])
        harness.leave(third)
        #expect(harness.begun == [first, third])
        harness.advance(to: .seconds(3600))
        #expect(harness.refusals.isEmpty)
    }

    /// A ticket is of one wait, also when its place was taken by another.
    @Test func aTicketIsNeverUsedTwice() throws {
        let harness = CallAdmissionHarness(calls: 1)
        let first = harness.enter()
        let second = harness.enter()
        let ticket = try #require(harness.tickets[second])
        harness.leave(first)
        let third = harness.enter()
        #expect(!harness.cancel(ticket))
        harness.leave(second)
        #expect(harness.begun == [first, second, third])
    }

    @Test func anOrgThatMayRunNothingIsToldAtOnce() {
        let harness = CallAdmissionHarness { $0.commandsRunning = 0 }
        let call = harness.enter(.command, bytes: 10)
        #expect(harness.refusals[call]?.limit == LimitDetails(name: "org_running_commands", used: 0, allowed: 0))
        #expect(harness.refusals[call]?.isRetryable == false)
        #expect(harness.machine.snapshot(of: 0, at: .zero).bytesInFlight == 0)
    }

    // MARK: Bytes

    @Test func whatIsKeptOfWaitingCallsIsBounded() {
        let harness = CallAdmissionHarness(calls: 1, orgCount: 2) { $0.bytesInFlight = 1000 }
        let first = harness.enter(org: 0, bytes: 600)
        let second = harness.enter(org: 0, bytes: 400)
        let third = harness.enter(org: 0, bytes: 1)
        let error = harness.refusals[third]
        #expect(error?.limit == LimitDetails(name: "org_bytes_in_flight", used: 1000, allowed: 1000))
        #expect(error?.retryAfter != nil)
        #expect(harness.isWaiting(harness.enter(org: 1, bytes: 1000)))
        harness.leave(first, bytes: 600)
        #expect(harness.isWaiting(harness.enter(org: 0, bytes: 600)))
        #expect(harness.isWaiting(second))
    }

    /// What arrives for calls that were begun is let in, and counts.
    @Test func whatArrivesForBegunCallsCounts() {
        let harness = CallAdmissionHarness { $0.bytesInFlight = 100 }
        harness.enter()
        harness.machine.keep(150, org: 0)
        let refused = harness.enter(bytes: 1)
        #expect(harness.refusals[refused]?.limit?.used == 150)
        let small = harness.enter(bytes: 0)
        #expect(harness.begun.contains(small))
        harness.apply(harness.machine.leave(nil, bytes: 150, org: 0, at: .zero))
        let large = harness.enter(bytes: 100)
        #expect(harness.begun.contains(large))
    }

    // MARK: Connections

    @Test func connectionsAreCounted() {
        let harness = CallAdmissionHarness(orgCount: 2) { $0.connections = 2 }
        #expect(harness.connect(0) == nil)
        #expect(harness.connect(0) == nil)
        let error = harness.connect(0)
        #expect(error?.limit == LimitDetails(name: "org_connections", used: 2, allowed: 2))
        #expect(error?.retryAfter != nil)
        #expect(harness.connect(1) == nil)
        harness.machine.disconnect(0)
        #expect(harness.connect(0) == nil)
    }

    // MARK: Other limits

    @Test func limitsBelowWhatIsUsedEndNothing() {
        let harness = CallAdmissionHarness()
        let calls = (0..<4).map { _ in harness.enter() }
        var limits = CallAdmissionLimits.wide
        limits.callsInFlight = 2
        harness.setLimits(limits, of: 0)
        let next = harness.enter()
        harness.leave(calls[0])
        harness.leave(calls[1])
        #expect(harness.isWaiting(next))
        harness.leave(calls[2])
        #expect(harness.begun.last == next)
    }

    @Test func higherLimitsLetThoseThatWaitBegin() {
        let harness = CallAdmissionHarness(calls: 3) { $0.callsInFlight = 1 }
        for _ in 0..<5 { harness.enter() }
        #expect(harness.begun.count == 1)
        harness.setLimits(.wide, of: 0)
        #expect(harness.begun.count == 3)
        harness.apply(harness.machine.setSlots(BrokerSlots(calls: 4, commands: 1)))
        #expect(harness.begun.count == 4)
    }

    @Test func aSnapshotTellsWhatGoesOn() {
        let harness = CallAdmissionHarness(calls: 1)
        _ = harness.connect(0)
        harness.enter(bytes: 5)
        harness.enter(.command)
        harness.now = .seconds(1)
        harness.enter(bytes: 7)
        let snapshot = harness.machine.snapshot(of: 0, at: .seconds(4))
        #expect(snapshot.connections == 1)
        #expect(snapshot.callsInFlight == 1)
        #expect(snapshot.commandsRunning == 1)
        #expect(snapshot.bytesInFlight == 12)
        #expect(snapshot.waiting == 1)
        #expect(snapshot.longestWait == .seconds(3))
        #expect(snapshot.refusals.total == 0)
        #expect(harness.machine.snapshot(of: 99, at: .zero).waiting == 0)
    }
}
