import NIOCore
import Testing

@testable import loadtest

@Suite struct WorkloadTests {
    private static let population = Scenario.Population(
        orgs: 2,
        keys: 4,
        files: 3,
        sizes: [.init(size: ByteCount(bytes: 300), weight: 1), .init(size: ByteCount(bytes: 700), weight: 1)]
    )

    private func workload(
        _ mix: [CallKind: Double] = [.read: 2, .write: 1, .edit: 1],
        population: Scenario.Population = population,
        share: (Int, Int) = (0, 1)
    ) -> Workload {
        Workload(run: "run", population: population, mix: mix, seed: 5, share: share)
    }

    // MARK: Contents

    private func contents(_ subject: String = "org-0/a") -> VersionedContents {
        VersionedContents(subject: subject, sizes: Weighted([(300, 1), (700, 1)]))
    }

    @Test func contentsTellTheirVersion() {
        for version: UInt64 in 1...40 {
            let bytes = contents().bytes(version)
            #expect(bytes.count == contents().size(version))
            #expect(contents().version(of: bytes) == version)
            #expect(contents("org-1/a").version(of: bytes) == nil)
            for change in [20, 100, bytes.count - 1] {
                var changed = bytes
                changed[change] ^= 1
                #expect(contents().version(of: changed) == nil)
            }
            #expect(contents().version(of: Array(bytes.dropLast())) == nil)
        }
        #expect(contents().version(of: []) == nil)
    }

    @Test func anEditOfTheFirstLineMakesTheNextVersion() throws {
        for version: UInt64 in 1...40 where VersionedContents.mayBeEdit(version + 1) {
            let old = String(decoding: contents().bytes(version), as: UTF8.self)
            let parts = old.split(separator: contents().head(version), omittingEmptySubsequences: false)
            #expect(parts.count == 2, "the old text has to be there once")
            let new = contents().head(version + 1) + (try #require(parts.last))
            #expect(contents().version(of: Array(new.utf8)) == version + 1)
        }
    }

    // MARK: Versions

    /// Whether an answer may show a version, after which the next is asked.
    private func shows(_ versions: inout FileVersions, _ version: UInt64, from lowest: UInt64) -> Bool {
        versions.saw(version, from: lowest)
    }

    @Test func nothingOlderFollowsWhatWasSeen() {
        var versions = FileVersions(version: 1)
        let begin = versions.lowest
        let written = versions.beginWrite()
        #expect(written == 2 && !versions.isKnown)
        // Either, while it is written; then never again the old one, but by a call that began before.
        let seen: [(UInt64, UInt64)] = [(1, begin), (2, begin), (1, begin), (1, 2), (3, begin)]
        let may = seen.map { shows(&versions, $0.0, from: $0.1) }
        #expect(may == [true, true, true, false, false])
        #expect(versions.lowest == 2)
        versions.wrote(2)
        #expect(versions.isKnown)
    }

    @Test func aLostWriteMayOrMayNotHaveBeen() {
        var versions = FileVersions(version: 1)
        _ = versions.beginWrite()
        versions.lostWrite()
        #expect(!versions.isKnown && !versions.isBeingWritten)
        let may = [1, 2].map { shows(&versions, $0, from: versions.lowest) }
        #expect(may == [true, true])
        let next = versions.beginWrite()
        #expect(next == 3)
    }

    // MARK: Choices

    @Test func theSameSeedChoosesTheSame() {
        func calls(_ seed: UInt64) -> [Call] {
            var workload = Workload(
                run: "run",
                population: Self.population,
                mix: [.read: 1, .write: 1, .echo: 1, .test: 1],
                seed: seed,
                share: (0, 1)
            )
            return (0..<500).map { workload.next(ofOrg: $0 % 2) }
        }
        #expect(calls(1) == calls(1))
        #expect(calls(1) != calls(2))
        #expect(Set(calls(1).map(\.kind)).isSuperset(of: [.read, .write, .echo, .test]))
    }

    @Test func oneWriteOfAFileAtATime() {
        var population = Self.population
        (population.keys, population.files) = (1, 1)
        var workload = workload([.write: 1], population: population)
        let first = workload.next(ofOrg: 0)
        #expect(first.kind == .write && first.version == 2)
        let (second, ofOther) = (workload.next(ofOrg: 0), workload.next(ofOrg: 1))
        #expect(second.kind == .stat && ofOther.kind == .write)
        workload.wrote(first)
        let third = workload.next(ofOrg: 0)
        #expect(third.version == 3)
    }

    @Test func aFileIsEditedOnlyWhenItIsKnown() {
        var population = Self.population
        (population.keys, population.files) = (1, 1)
        var workload = workload([.edit: 1], population: population)
        let first = workload.next(ofOrg: 0)
        #expect(first.kind == .edit && first.version == 2)
        workload.gaveUp(first)
        let next = workload.next(ofOrg: 0)
        #expect(next.kind == .write && next.version == 3)
        workload.wrote(next)
        // Every fourth version has another body.
        let last = workload.next(ofOrg: 0)
        #expect(last.kind == .write)
    }

    @Test func generatorsHaveKeysOfTheirOwn() {
        let keys = (0..<3).map { index in
            var workload = workload([.echo: 1], share: (index, 3))
            return Set((0..<200).map { _ in workload.next(ofOrg: 0).key })
        }
        #expect(keys[0].union(keys[1]).union(keys[2]) == [0, 1, 2, 3])
        #expect(keys[0].isDisjoint(with: keys[1]) && keys[1].isDisjoint(with: keys[2]))
        let prepared = (0..<3).flatMap { workload(share: ($0, 3)).preparation(ofOrg: 0) }
        #expect(prepared.count == 12 && Set(prepared.map { "\($0.key)/\($0.file)" }).count == 12)
    }

    @Test func framesSayWhatTheCallIs() throws {
        let workload = workload()
        let write = Call(kind: .write, org: 1, key: 2, file: 1, version: 7)
        let frame = workload.frame(write, id: 9)
        let sent = try #require(try SentFrame.all(Array(frame.readableBytesView)).first)
        #expect(sent.id == 9 && sent.isLast && sent.body == 49)
        #expect(workload.contents(write).version(of: sent.payload) == 7)
        #expect(workload.payloadLength(write) == sent.payload.count)
        let echo = Call(kind: .echo, org: 1, key: 2, stamp: 3)
        #expect(
            try SentFrame.all(Array(workload.frame(echo, id: 1).readableBytesView)).first?.payload.count
                == workload.payloadLength(echo)
        )
    }
}
