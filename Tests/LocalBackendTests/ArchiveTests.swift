import AgentBackend
import Foundation
import Glibc
import NIOCore
import Testing

@testable import LocalBackend

/// Archives against GNU tar, and against those that mean harm.
@Suite(.serialized) struct ArchiveTests {
    @Test(arguments: identities)
    func tarExtractsWhatTheBackendArchives(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            try fixture.makeSample("tree")
            for compression in ArchiveOptions.Compression.allCases {
                let bytes = try await fixture.archive("tree", ArchiveOptions(compression: compression))
                let directory = fixture.path("by-tar-\(compression)")
                try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
                #expect(try fixture.tar(["-x", "-p", "-C", directory], input: bytes) == 0)
                let (tree, copy) = try (fixture.listing("tree"), fixture.listing("by-tar-\(compression)"))
                #expect(tree.symmetricDifference(copy) == [])
                #expect(try fixture.differs("tree", "by-tar-\(compression)") == 0)
            }
        }
    }

    @Test(arguments: ["gnu", "pax"], ["", "--gzip", "--zstd"])
    func theBackendExtractsWhatTarArchives(format: String, compression: String) async throws {
        try await LocalFixture.with { fixture in
            try fixture.makeSample("tree")
            // GNU tar puts bytes that are no UTF-8 where the pax format has UTF-8.
            if format == "pax" { try FileManager.default.removeItem(atPath: fixture.path("tree/bytes")) }
            // A further name, and a file with holes.
            try #require(link(fixture.path("tree/file"), fixture.path("tree/sub/further")) == 0)
            try #require(truncate(fixture.path("tree/sub/empty"), 3 << 20) == 0)
            let archive = fixture.base + "/by-tar"
            let options = ["-c", "-S", "--format", format, "-f", archive, "-C", fixture.path("tree"), "."]
            try #require(try fixture.tar(compression.isEmpty ? options : [compression] + options) == 0)
            let bytes = ByteBuffer(bytes: try Data(contentsOf: URL(filePath: archive)))
            #expect(try await fixture.extract(bytes, into: "copy").links == 3)
            // That of GNU knows whole seconds.
            let isExact = format == "pax"
            let (tree, copy) = try (fixture.listing("tree", isExact), fixture.listing("copy", isExact))
            #expect(tree.symmetricDifference(copy) == [])
            #expect(try fixture.differs("tree", "copy") == 0)
            #expect(try fixture.inode("copy/file") == fixture.inode("copy/sub/further"))
        }
    }

    /// Each as python's tarfile makes it; most of them lead outside where they are extracted without a look.
    @Test(arguments: identities, HarmfulArchive.allCases)
    func whatMeansHarmIsRefusedAndChangesNothing(_ identity: HostIdentity?, _ harm: HarmfulArchive) async throws {
        try await LocalFixture.with(identity) { fixture in
            let bytes = try fixture.make(harm)
            if harm.escapes {
                let naive = fixture.base + "/naive"
                try FileManager.default.createDirectory(atPath: naive + "/in", withIntermediateDirectories: true)
                try fixture.extractNaively(bytes, into: naive + "/in")
                #expect(try fixture.names(absolute: naive).contains("evil"), "\(harm) does no harm")
            }
            let refused = try await refusal(of: try await fixture.extract(bytes, into: "in"))
            #expect(refused == harm.refusal)
            #expect(try fixture.names(absolute: fixture.root) == [], "the first entry means no harm")
        }
    }

    @Test func linksThatWereThereAreNotFollowed() async throws {
        try await LocalFixture.with { fixture in
            let bytes = try fixture.make(.plain)
            try fixture.makeDirectory("in")
            try fixture.makeLink("in/d", to: "../elsewhere")
            try fixture.makeDirectory("elsewhere")
            let refused = try await refusal(of: try await fixture.extract(bytes, into: "in"))
            #expect(refused == Refusal(.writeFailed, .notDirectory))
            #expect(try fixture.names(absolute: fixture.path("elsewhere")) == [])
        }
    }

    @Test func setUserIDIsDropped() async throws {
        try await LocalFixture.with { fixture in
            let result = try await fixture.extract(try fixture.make(.setUserID), into: "in")
            #expect(result.files == 2)
            #expect(try await fixture.backend.stat(try WorkspacePath("in/suid"), followLink: true).permissions == 0o755)
        }
    }

    @Test func limitsHold() async throws {
        for (limits, name) in [
            (ArchiveLimits(maximumBytes: 1000), "archive_bytes"),
            (ArchiveLimits(maximumContentBytes: 1000), "archive_content_bytes"),
            (ArchiveLimits(maximumEntries: 1), "archive_entries"),
            (ArchiveLimits(maximumRatio: 100), "archive_ratio"),
        ] {
            try await LocalFixture.with(limits: LocalFilesystemLimits(archive: limits)) { fixture in
                let bytes = try fixture.make(.bomb)
                let failure = try await #require(throws: BackendError.self) {
                    try await fixture.extract(bytes, into: "in")
                }
                #expect(failure.code == .resourceExhausted && failure.limit?.name == name, "\(failure)")
                #expect(try fixture.names(absolute: fixture.root) == [])
            }
        }
        let limits = LocalFilesystemLimits(archive: ArchiveLimits(maximumContentBytes: 10, maximumEntries: 3))
        try await LocalFixture.with(limits: limits) { fixture in
            for name in ["a", "b", "c"] { try fixture.makeFile(name, "123") }
            #expect(try await fixture.archive("").readableBytes > 0)
            try fixture.makeFile("d")
            #expect(try await refusal(of: try await fixture.archive("")) == Refusal(.resourceExhausted))
            try #require(unlink(fixture.path("d")) == 0)
            try #require(truncate(fixture.path("a"), 5) == 0)
            #expect(try await refusal(of: try await fixture.archive("")) == Refusal(.resourceExhausted))
        }
    }

    @Test func aFileThatChangesWhileItIsReadIsFilledUpOrCut() async throws {
        for size in [1, 5_000_000] {
            try await LocalFixture.with { fixture in
                try fixture.makeFile("a", String(repeating: "x", count: 1 << 20))
                try fixture.makeFile("b", "whole")
                let reader = try await fixture.backend.openArchive(.root, options: ArchiveOptions())
                var bytes = try #require(try await reader.read(upTo: 1))
                try #require(truncate(fixture.path("a"), off_t(size)) == 0)
                while var piece = try await reader.read(upTo: 1 << 20) { bytes.writeBuffer(&piece) }
                await reader.close()
                #expect(reader.summary.changed == 1)
                #expect(try await fixture.extract(bytes, into: "copy").files == 2)
                #expect(try await fixture.backend.stat(try WorkspacePath("copy/a"), followLink: true).size == 1 << 20)
                #expect(try fixture.contents(absolute: fixture.path("copy/b")) == "whole")
            }
        }
    }

    @Test(.enabled(if: LocalFixture.canMount))
    func aFullDiskEndsAnExtraction() async throws {
        try await LocalFixture.with(disk: 4 << 20) { fixture in
            let bytes = try fixture.make(.zeros)
            #expect(
                try await refusal(of: try await fixture.extract(bytes, into: "in")) == Refusal(.writeFailed, .noSpace)
            )
            try await fixture.backend.remove("in", recursive: true)
            try await fixture.backend.put("f", String(repeating: "x", count: 1 << 20))
        }
    }

    /// A directory of the workspace and a link to the one outside change places.
    @Test(arguments: identities)
    func nothingOutsideIsArchivedOrExtractedOver(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            try await fixture.backend.put("tree/directory/secret", "own")
            try fixture.makeLink("tree/link", to: fixture.outside)
            let bytes = try await fixture.archive("tree/directory")
            let paths = ["tree/directory", "tree/link"].map { fixture.path($0) }
            try await Opponent.against {
                EscapeRaceTests.exchange(paths[0], paths[1])
            } _: {
                let naive = NaiveBackend(root: fixture.root, check: .resolved)
                let tries = EscapeRaceTests.triesUntil { naive.read("tree/directory/secret") == LocalFixture.secret }
                var (archived, extracted) = (0, 0)
                for _ in 0..<min(tries, 1000) {
                    let made = try await fixture.archive("tree")
                    #expect(!String(buffer: made).contains("\0\(LocalFixture.secret)\0"))
                    if String(buffer: made).contains("\0own\0") { archived += 1 }
                    if (try? await fixture.extract(bytes, into: "tree/directory")) != nil { extracted += 1 }
                }
                #expect(archived > 0 && extracted > 0)
            }
        }
    }

    @Test func aCancelledExtractionEnds() async throws {
        try await LocalFixture.with { fixture in
            let writer = try await fixture.backend.openExtraction(into: .root, options: ExtractOptions())
            try await writer.write(try fixture.make(.bomb))
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await writer.commit()
            }
            #expect(try await refusal(of: try await task.value) == Refusal(.cancelled))
            await writer.abort()
            #expect(try fixture.names(absolute: fixture.root) == [])
        }
    }
}
