import AgentBackend
import Testing

@testable import AuditLog

struct AuditQueueTests {
    private let room = 100_000

    @Test func theFirstEventStartsTheWriterAndOthersWakeIt() {
        var queue = AuditQueue<Int>()
        let first = queue.add(event(), maximumBytes: room)
        #expect(first == .startWriter)
        let second = queue.add(event(), maximumBytes: room)
        #expect(second == .nothing)
        guard case .write(let batch) = queue.next() else { return #expect(Bool(false)) }
        #expect(batch.events.count == 2)
        guard case .wait = queue.next() else { return #expect(Bool(false)) }
        let third = queue.add(event(), maximumBytes: room)
        #expect(third == .wakeWriter)
    }

    @Test func aWriterThatGathersIsWokenByWhoWaits() {
        var queue = AuditQueue<Int>()
        _ = queue.add(event(), maximumBytes: room)
        _ = queue.next()
        let first = queue.beginGathering(maximumBytes: room)
        #expect(first)
        let second = queue.add(event(), maximumBytes: room)
        #expect(second == .nothing)
        let ticket = queue.makeTicket()
        let third = queue.add(event(), ticket: ticket, wait: 5, maximumBytes: room)
        #expect(third == .wakeWriter)
        let fourth = queue.beginGathering(maximumBytes: room)
        #expect(!fourth)
        let fifth = queue.takeWait(ticket)
        #expect(fifth == 5)
        let sixth = queue.takeWait(ticket)
        #expect(sixth == nil)
    }

    @Test func whatDoesNotFitIsCountedByOrg() {
        var queue = AuditQueue<Int>()
        let size = event().footprint
        let first = queue.add(event(), maximumBytes: size)
        #expect(first == .startWriter)
        let second = queue.add(event(), maximumBytes: size)
        #expect(second == .refused)
        let third = queue.add(event(), maximumBytes: size)
        #expect(third == .refused)
        let fourth = queue.add(event(of: "umbrella"), maximumBytes: size)
        #expect(fourth == .refused)
        guard case .write(let batch) = queue.next() else { return #expect(Bool(false)) }
        #expect(batch.events.count == 1)
        #expect(batch.missing == ["acme": 2, "umbrella": 1])
        let fifth = queue.add(event(), maximumBytes: size)
        #expect(fifth == .nothing)
    }

    @Test func onceHalfIsTakenAnOrgHasAQuarter() {
        var queue = AuditQueue<Int>()
        let size = event().footprint
        func add(_ org: String) -> Bool { queue.add(event(of: org), maximumBytes: 16 * size) != .refused }
        let greedy = (1...20).count { _ in add("acme") }
        #expect(greedy == 9)
        let modest = (1...20).count { _ in add("wide") }
        #expect(modest == 4)
        let last = (1...20).count { _ in add("last") }
        #expect(last == 3)
        _ = queue.next()
        #expect(add("acme"))
    }

    @Test func anEventIsTakenBackUntilTheWriterHasIt() {
        var queue = AuditQueue<Int>()
        let size = event().footprint
        let ticket = queue.makeTicket()
        _ = queue.add(event(), ticket: ticket, wait: 5, maximumBytes: size)
        let first = queue.withdraw(ticket)
        #expect(first)
        let second = queue.add(event("/b"), maximumBytes: size)
        #expect(second != .refused)
        guard case .write(let batch) = queue.next() else { return #expect(Bool(false)) }
        #expect(batch.events.map(\.operation.subject) == ["/b"] && batch.missing.isEmpty)
        let third = queue.withdraw(ticket)
        #expect(!third)
    }

    @Test func itEndsOnceAllIsWritten() {
        var queue = AuditQueue<Int>()
        _ = queue.add(event(), maximumBytes: room)
        let first = queue.close()
        #expect(first)
        let second = queue.add(event(), maximumBytes: room)
        #expect(second == .refused)
        guard case .write = queue.next(), case .end = queue.next() else { return #expect(Bool(false)) }
        var unused = AuditQueue<Int>()
        let third = unused.close()
        #expect(!third)
    }

    @Test func withoutAThreadNobodyWaitsForEver() {
        var queue = AuditQueue<Int>()
        let ticket = queue.makeTicket()
        let first = queue.add(event(), ticket: ticket, wait: 5, maximumBytes: room)
        #expect(first == .startWriter)
        _ = queue.add(event(), maximumBytes: room)
        let second = queue.startFailed()
        #expect(second == [5])
        let third = queue.add(event(), maximumBytes: room)
        #expect(third == .startWriter)
        guard case .write(let batch) = queue.next() else { return #expect(Bool(false)) }
        #expect(batch.events.count == 1)
        #expect(batch.missing == ["acme": 2])
    }
}

struct JournalPlanTests {
    private var settings: AuditSettings {
        var settings = AuditSettings()
        settings.maximumFileBytes = 1000
        settings.maximumFileAge = .seconds(100)
        settings.recordsPerHead = 10
        settings.timePerHead = .seconds(5)
        settings.syncInterval = .seconds(1)
        return settings
    }

    @Test func aFileIsFullByItsSizeOrItsAge() {
        var plan = JournalPlan()
        plan.opened(fileBytes: 900, began: AuditTime.at(10).wall)
        #expect(!plan.needsFile(for: 100, settings, at: .at(110)))
        #expect(plan.needsFile(for: 101, settings, at: .at(110)))
        #expect(plan.needsFile(for: 1, settings, at: .at(111)))
        // A clock that was set back.
        #expect(!plan.needsFile(for: 1, settings, at: .at(0)))
    }

    @Test func aHeadFollowsAfterSoManyRecordsOrSoLong() {
        var plan = JournalPlan()
        #expect(plan.nextDue(settings) == nil && !plan.needsHead(settings, at: .at(1000)))
        plan.appended(bytes: 10, records: 1, at: .at(2))
        plan.synced()
        #expect(plan.nextDue(settings) == .seconds(7))
        #expect(!plan.needsHead(settings, at: .at(6)))
        #expect(plan.needsHead(settings, at: .at(7)))
        plan.appended(bytes: 10, records: 9, at: .at(3))
        #expect(plan.needsHead(settings, at: .at(3)))
        plan.signed()
        #expect(!plan.hasUnsigned && !plan.needsHead(settings, at: .at(1000)))
    }

    @Test func whatIsWrittenGoesToTheDiskInTime() {
        var plan = JournalPlan()
        plan.appended(bytes: 10, records: 0, at: .at(2))
        #expect(!plan.needsSync(settings, at: .at(2)))
        #expect(plan.needsSync(settings, at: .at(3)))
        #expect(plan.nextDue(settings) == .seconds(3))
        var none = settings
        none.sync = .none
        #expect(!plan.needsSync(none, at: .at(1000)) && plan.nextDue(none) == nil)
        plan.synced()
        #expect(plan.isSettled && plan.nextDue(settings) == nil)
    }

    @Test func whatFailedIsNotTriedAtOnce() {
        var plan = JournalPlan()
        plan.appended(bytes: 10, records: 1, at: .at(0))
        plan.failed(at: .at(20))
        #expect(!plan.needsHead(settings, at: .at(20)))
        #expect(plan.nextDue(settings) == .seconds(21))
        #expect(plan.needsHead(settings, at: .at(21)))
    }
}
