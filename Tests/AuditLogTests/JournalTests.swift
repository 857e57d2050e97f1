import AgentBackend
import Foundation
import Glibc
import Testing

@testable import AuditLog

struct AuditLogTests {
    @Test func filesAreTheirOwnersAlone() async throws {
        let scratch = try Scratch()
        try await scratch.withLog { $0.add(event()) }
        for path in [
            scratch.path + "/signing-key", scratch.directory().path(of: AuditSegment(firstSequence: 1).name),
            scratch.directory().path(of: "head.json"),
        ] {
            var status = stat()
            #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600, "\(path)")
        }
    }

    @Test func theChainGoesOnOverRestarts() async throws {
        let scratch = try Scratch()
        for round in 1...3 { try await scratch.withLog { $0.add(event("/\(round)")) } }
        #expect(try scratch.segments().count == 1)
        let records = try scratch.records()
        #expect(records.map(\.sequence) == Array(1...7))
        #expect(records.map(\.kind) == [.file, .call, .head, .call, .head, .call, .head])
        #expect(try scratch.files.verify("acme").findings.isEmpty)
    }

    @Test func whoWaitsIsToldTheSequence() async throws {
        let scratch = try Scratch()
        try await scratch.withLog { log in
            let first = try await log.record(event("/a"))
            #expect(first == 2)
            #expect(try scratch.records().map(\.subject) == ["", "/a"])
            let second = try await log.record(event("/b"))
            #expect(second == 3)
        }
    }

    @Test func headsFollowAfterSoManyRecords() async throws {
        let scratch = try Scratch()
        var settings = AuditSettings()
        settings.recordsPerHead = 10
        try await scratch.withLog(settings) { log in
            for number in 1...35 { _ = try await log.record(event("/\(number)")) }
        }
        let report = try scratch.files.verify("acme")
        #expect(report.findings.isEmpty)
        #expect(report.heads >= 4)
        #expect(report.signedSequence == report.lastSequence - 1)
    }

    @Test func aRecordThatIsNotWholeIsSetAsideAndNoted() async throws {
        let scratch = try Scratch()
        try await scratch.withLog { log in for number in 1...3 { log.add(event("/\(number)")) } }
        let name = AuditSegment(firstSequence: 1).name
        let whole = try scratch.contents(name)
        let torn = Array(#"{"seq":6,"time_ns":17,"kind":"ca"#.utf8) + [UInt8](repeating: 0, count: 3000)
        try scratch.put(whole + torn, name)
        #expect(try scratch.files.verify("acme").unfinishedBytes == torn.count)

        try await scratch.withLog { $0.add(event("/later")) }
        #expect(try scratch.contents(AuditSegment(firstSequence: 6).tornName) == torn)
        #expect(try scratch.records().map(\.kind) == [.file, .call, .call, .call, .head, .torn, .call, .head])
        let report = try scratch.files.verify("acme")
        #expect(report.findings.isEmpty && report.tornRecords == 1)
    }

    @Test(arguments: [0, 1, 40]) func aFileThatWasJustBegunIsBegunAgain(_ count: Int) async throws {
        let scratch = try Scratch()
        try await scratch.withLog { $0.add(event("/1")) }
        let next = AuditSegment(firstSequence: 4).name
        try scratch.put(Array(#"{"seq":4,"time_ns":17,"kind":"file","org":"acme"}"#.utf8.prefix(count)), next)
        try await scratch.withLog { $0.add(event("/2")) }
        #expect(try scratch.files.verify("acme").findings.isEmpty)
        #expect(try scratch.records().map(\.sequence) == Array(1...5))
    }

    @Test func aFileThatCannotBeGoneOnWithIsSetAside() async throws {
        let scratch = try Scratch()
        try await scratch.withLog { $0.add(event()) }
        let name = AuditSegment(firstSequence: 1).name
        let damaged = Array(repeating: UInt8(ascii: "x"), count: 2 << 20)
        try scratch.put(damaged, name)
        try await scratch.withLog { _ = try await $0.record(event("/later")) }
        #expect(try scratch.contents(AuditSegment(firstSequence: 1).tornName) == damaged)
        #expect(try scratch.records().map(\.kind) == [.file, .cut, .torn, .head, .call, .head])
        let findings = try scratch.files.verify("acme").findings
        #expect(findings.count == 1 && findings.first?.problem.contains("ended at 0") == true)
    }

    @Test(arguments: [1, 3, 5]) func whatIsCutOffWhileNoBrokerRunsIsNamed(_ count: Int) async throws {
        let scratch = try Scratch()
        try await scratch.withLog { log in for number in 1...5 { log.add(event("/\(number)")) } }
        let name = AuditSegment(firstSequence: 1).name
        try scratch.put(try scratch.lines(name).prefix(count).flatMap { $0 + [UInt8(ascii: "\n")] }, name)
        for round in 1...2 { try await scratch.withLog { _ = try await $0.record(event("/later-\(round)")) } }
        let records = try scratch.records()
        #expect(records.count { $0.kind == .cut } == 1 && records[count].kind == .cut && records[count].sequence == 7)
        let findings = try scratch.files.verify("acme").findings
        #expect(findings.count == 1)
        #expect(findings.first?.problem.contains("ended at \(count), and was signed up to 6") == true)
    }

    @Test func aLogThatIsGoneOrAnotherIsNamed() async throws {
        let (scratch, other) = (try Scratch(), try Scratch())
        for scratch in [scratch, other] {
            try await scratch.withLog { log in for number in 1...5 { log.add(event("/\(number)")) } }
        }
        let name = AuditSegment(firstSequence: 1).name
        try scratch.put(try other.contents(name), name)
        try await scratch.withLog { _ = try await $0.record(event("/later")) }
        #expect(try scratch.records().map(\.kind).suffix(4) == [.cut, .head, .call, .head])
        #expect(try scratch.files.verify("acme").findings.contains { $0.problem.contains("while no broker ran") })

        try other.remove(name)
        try await other.withLog { _ = try await $0.record(event("/later")) }
        #expect(try other.segments() == [AuditSegment(firstSequence: 7).name])
        let findings = try other.files.verify("acme").findings
        #expect(findings.count == 1 && findings.first?.problem.contains("ended at 0, and was signed up to 6") == true)
    }

    @Test func filesAreBoundedAndTheChainGoesOverThem() async throws {
        let scratch = try Scratch()
        var settings = AuditSettings()
        settings.maximumFileBytes = 4000
        settings.maximumFiles = 3
        try await scratch.withLog(settings) { log in
            await withTaskGroup { group in
                for org in ["acme", "umbrella", "c"] {
                    for task in 1...4 {
                        group.addTask { for number in 1...100 { log.add(event("/\(task)/\(number)", of: org)) } }
                    }
                }
            }
        }
        for org in ["acme", "umbrella", "c"] {
            let report = try scratch.files.verify(org)
            #expect(report.findings.isEmpty, "\(org): \(report.findings)")
            #expect(report.files == 3 && report.firstSequence > 300 && report.lastSequence > 400 && report.missing == 0)
            for name in try scratch.segments(of: org) { #expect(try scratch.contents(name, of: org).count <= 5000) }
        }
    }

    @Test func aFileEndsForItsAge() throws {
        let scratch = try Scratch()
        var settings = AuditSettings()
        settings.maximumFileAge = .seconds(60)
        _ = try AuditDirectory.make(scratch.path + "/orgs")
        let directory = scratch.directory()
        var journal = Journal(org: "acme", directory: directory, key: AuditSigningKey())
        _ = journal.append([event()], settings, at: .at(1000))
        _ = journal.append([event()], settings, at: .at(1060))
        #expect(try scratch.segments().count == 1)
        _ = journal.append([event()], settings, at: .at(1061))
        #expect(try scratch.segments().count == 2)
        journal.close(settings, at: .at(1062))
        #expect(try scratch.files.verify("acme").findings.isEmpty)
    }

    @Test func whatComesTooFastIsAGap() async throws {
        let scratch = try Scratch()
        var settings = AuditSettings()
        settings.maximumQueuedBytes = event().footprint * 10
        try await scratch.withLog(settings) { log in
            for number in 1...20_000 { log.add(event("/\(number)")) }
        }
        let report = try scratch.files.verify("acme")
        let events = try scratch.records().count { $0.kind == .call }
        #expect(report.findings.isEmpty)
        #expect(report.missing > 0)
        #expect(UInt64(events) + report.missing == 20_000)
    }
}

/// A file system of 64 KiB.
@Suite(.enabled(if: geteuid() == 0, "mounting takes root"))
final class FullDiskTests {
    private let scratch: Scratch

    init() throws {
        scratch = try Scratch()
        #expect(mount("tmpfs", scratch.path, "tmpfs", 0, "size=64k,mode=700") == 0)
    }

    deinit { umount2(scratch.path, Int32(MNT_DETACH)) }

    /// With `each`, whoever is told of a record has it on the disk, also where others of its batch did not fit.
    @Test func whatOfABatchIsWrittenGoesToTheDisk() throws {
        _ = try AuditDirectory.make(scratch.path + "/orgs")
        var journal = Journal(org: "acme", directory: scratch.directory(), key: AuditSigningKey())
        var settings = AuditSettings()
        settings.sync = .each
        settings.recordsPerHead = 1_000_000
        let results = journal.append((1...400).map { event("/\($0)") }, settings, at: .at(0))
        let written = results.count { (try? $0.get()) != nil }
        #expect(written > 0 && written < 400)
        // Else it would be due within a second.
        settings.sync = .interval
        settings.syncInterval = .milliseconds(10)
        settings.timePerHead = .seconds(3600)
        #expect(journal.nextDue(settings) == .seconds(3600))
        journal.closeFile()
    }

    @Test func recordsThatDoNotFitAreRefusedAndLeaveNoHalfLine() async throws {
        let notices = Notices()
        try await scratch.withLog(notices: notices) { log in
            var refused = 0
            for number in 1...400 {
                do throws(BackendError) {
                    _ = try await log.record(event("/\(number)"))
                } catch {
                    refused += 1
                    #expect(error.code == .resourceExhausted && error.reason == .noSpace && error.isRetryable)
                    #expect(!error.maybeExecuted)
                }
            }
            #expect(refused > 50)
            #expect(notices.all == ["acme fails: \(ENOSPC)"])
            #expect(try scratch.files.verify("acme").unfinishedBytes == 0)

            // Somebody makes room: the gap is told, and the log goes on.
            let ballast = try scratch.segments()
            #expect(ballast.count == 1)
            #expect(mount("tmpfs", scratch.path, "tmpfs", UInt(MS_REMOUNT), "size=256k") == 0)
            _ = try await log.record(event("/after"))
            #expect(notices.all.last == "acme recovered: \(refused)")
            let report = try scratch.files.verify("acme")
            #expect(report.missing == UInt64(refused))
        }
        let report = try scratch.files.verify("acme")
        #expect(report.findings.isEmpty)
        #expect(try scratch.records().contains { $0.kind == .gap })
    }
}
