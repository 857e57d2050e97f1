import Foundation
import NIOCore
import Testing

@testable import loadtest

@Suite struct TortureTests {
    // MARK: What the agents know

    @Test func contentsAreOfOneFileAndOneVersion() {
        let (one, other) = (MixedContents(subject: "1/0/2"), MixedContents(subject: "1/0/3"))
        for version: UInt64 in [1, 19, 100] {
            #expect(one.bytes(version).readableBytes == MixedContents.length(version))
            #expect(one.bytes(version) == one.bytes(version))
            #expect(one.bytes(version) != other.bytes(version))
            #expect(one.bytes(version) != one.bytes(version + 100))
        }
    }

    @Test func contentsThatNameTheirVersionMatch() {
        let contents = MixedContents(subject: "1/dropped")
        #expect(contents.match(contents.bytes(3), upTo: 3))
        #expect(!contents.match(contents.bytes(4), upTo: 3))
        #expect(!contents.match(MixedContents(subject: "2/dropped").bytes(3), upTo: 3))
        #expect(!contents.match(ByteBuffer(), upTo: 3))
        var cut = contents.bytes(3)
        cut.moveWriterIndex(to: cut.writerIndex - 1)
        #expect(!contents.match(cut, upTo: 3))
    }

    @Test func aFileIsUnknownAfterAWriteThatNobodySawTheEndOf() {
        var file = MixedFile()
        #expect(file.version == 0)
        file.isNow(1)
        file.mayBe(2)
        #expect(file.version == nil && file.candidates == [1, 2])
        file.isNow(2)
        #expect(file.version == 2)
    }

    @Test func theSameSeedMakesTheSameChoices() {
        func choices<Action: TortureAction>(_: Action.Type, _ seed: UInt64) -> [String?] {
            var generator = SeededGenerator(seed: seed)
            return (0..<2000).map { _ in Action.random(using: &generator)?.rawValue }
        }
        func check<Action: TortureAction>(_ action: Action.Type) {
            #expect(choices(action, 1) == choices(action, 1))
            #expect(choices(action, 1) != choices(action, 2))
            #expect(Set((1...20).flatMap { choices(action, $0) }) == Set(action.allCases.map(\.rawValue)))
            #expect(action.allCases.reduce(0) { $0 + $1.weight } == 1000)
        }
        check(MixedAction.self)
        check(ExecAction.self)
    }

    // MARK: The verdict

    private func report(_ change: (inout TortureReport) -> Void = { _ in }) throws -> TortureReport {
        let footprint = try BrokerFootprint(pid: getpid(), root: "/none")
        var report = TortureReport(
            seed: 1,
            calls: 10,
            seconds: 1,
            callsByAction: [:],
            before: footprint,
            after: footprint,
            firstMegabytes: 10,
            lastMegabytes: 12,
            faults: []
        )
        change(&report)
        report.judge()
        return report
    }

    @Test func whatIsAsBeforeIsNoFault() throws {
        #expect(try report().faults == [])
        #expect(try report { $0.lastMegabytes = 5 }.faults == [])
    }

    @Test func whateverIsLeftIsAFault() throws {
        #expect(try report { $0.after.descriptors += 1 }.faults.count == 1)
        #expect(try report { $0.after.processes += 1 }.faults.count == 1)
        #expect(try report { $0.after.mounts += 1 }.faults.count == 1)
        #expect(try report { $0.after.cgroups += 1 }.faults.count == 1)
        #expect(try report { $0.after.temporaryFiles = ["acme/.tmp/a"] }.faults.count == 2)
        #expect(try report { $0.lastMegabytes = 12.1 }.faults.count == 1)
    }

    @Test func theLevelsOfMemoryAreMedians() {
        var trend = MemoryTrend()
        for (calls, bytes) in [
            (50, 900), (100, 1), (110, 2), (119, 9), (120, 900), (200, 900), (240, 5), (250, 7), (299, 6),
        ] {
            trend.add(bytes: bytes, at: calls)
        }
        let levels = trend.levels(of: 100..<300)
        #expect(levels?.first == 2)
        #expect(levels?.last == 6)
        #expect(MemoryTrend().levels(of: 100..<300) == nil)
    }

    // MARK: Footprint

    @Test func theFootprintHasWhatAProcessHas() throws {
        let before = try BrokerFootprint(pid: getpid(), root: "/none")
        #expect(before.mounts > 0)
        #expect(throws: LoadFailure.self) { try BrokerFootprint(pid: .max, root: "/none") }
        try TemporaryDirectory.run("loadtest-tests") { (directory) throws(LoadFailure) in
            let sleeper = ProgramStart(
                executable: "/bin/sleep",
                arguments: ["600"],
                name: "sleep",
                directory: directory
            )
            try ChildProcess.run(sleeper) { (child) throws(LoadFailure) in
                let footprint = try BrokerFootprint(pid: child.pid, root: directory)
                #expect(footprint.processes == 0 && footprint.temporaryFiles == [])
                #expect(footprint.descriptors >= 3)
                #expect(try BrokerFootprint(pid: getpid(), root: directory).processes >= 1)
            }
        }
    }

    @Test func temporaryFilesAreThoseInTheHiddenDirectoriesOfOrgs() throws {
        try TemporaryDirectory.run("loadtest-tests") { (root) throws(LoadFailure) in
            for path in [".tmp/a", ".trash/b/c", "key/d", "key/.hidden/e"] {
                do {
                    try FileManager.default.createDirectory(
                        atPath: "\(root)/v1/orgs/acme/\(path)",
                        withIntermediateDirectories: true
                    )
                } catch {
                    throw .child("\(error)")
                }
            }
            #expect(try BrokerFootprint(pid: getpid(), root: root).temporaryFiles == ["acme/.tmp/a", "acme/.trash/b"])
        }
    }

    @Test func theParentIsFoundBehindAnyName() {
        #expect(BrokerFootprint.parent("42 (a) b) S 7 1") == 7)
        #expect(BrokerFootprint.parent("42 (a)") == nil)
        #expect(BrokerFootprint.parent("") == nil)
    }
}
