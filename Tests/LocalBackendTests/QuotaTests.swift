import AgentBackend
import Foundation
import NIOCore
import Testing

@testable import LocalBackend

@Suite struct QuotaTests {
    private func withQuota(
        bytes: UInt64 = 1 << 40,
        inodes: UInt64 = 1 << 40,
        _ body: (LocalFixture, WorkspaceUsage) async throws -> Void
    ) async throws {
        for identity in identities {
            let amount = UsageAmount(bytes: bytes, inodes: inodes)
            let org = OrgUsage(workspace: amount, org: amount)
            let usage = org.workspace("key")
            try await LocalFixture.with(identity, usage: usage) { try await body($0, usage) }
            org.forget("key")
            #expect(org.used == UsageAmount())
        }
    }

    private func put(_ backend: any Backend, _ path: String, _ count: Int, _ mode: WriteOptions.Mode = .replace)
        async throws
    {
        let bytes = ByteBuffer(repeating: 1, count: count)
        try await backend.write(try WorkspacePath(path), bytes, options: WriteOptions(mode: mode))
    }

    /// Operations at random on few names, some at a time: the account is what find(1) says, without a walk.
    @Test(arguments: 1...3 as ClosedRange<UInt64>)
    func theAccountIsAsFind(seed: UInt64) async throws {
        try await withQuota { fixture, usage in
            var tree = SampleTree(seed: seed)
            try tree.make(in: fixture, count: 300)
            #expect(try await fixture.backend.diskUsage("") == fixture.foundUsage())
            await withTaskGroup(of: Void.self) { group in
                for task in 0..<4 as Range<UInt64> {
                    group.addTask {
                        var random = Numbers(seed: seed * 100 + task + 1)
                        for _ in 0..<150 { try? await change(fixture.backend, &random) }
                    }
                }
            }
            let known = try #require(usage.exactUsage)
            #expect(try await known == fixture.foundUsage())
            #expect(try await fixture.backend.diskUsage("") == known)
            for name in try fixture.names("") { try await fixture.backend.remove(name, recursive: true) }
            #expect(usage.exactUsage == DiskUsage())
        }
    }

    private func change(_ backend: LocalFilesystemBackend, _ random: inout Numbers) async throws {
        func path() throws -> WorkspacePath {
            let names = ["a", "b", "c", "d/a", "d/b", "d/e/a", "f", "f/g", "d", "d/e"]
            return try WorkspacePath(names[random.next(below: names.count)])
        }
        let bytes = ByteBuffer(repeating: 1, count: random.next(below: 3) * random.next(below: 20_000))
        switch random.next(below: 12) {
        case 0, 1: try await backend.write(try path(), bytes, options: WriteOptions())
        case 2, 3: try await backend.write(try path(), bytes, options: WriteOptions(mode: .append))
        case 4:
            let mode: WriteOptions.Mode = random.next(below: 2) == 0 ? .append : .replace
            let writer = try await backend.openWriter(try path(), options: WriteOptions(mode: mode))
            do {
                for _ in 0..<random.next(below: 4) { try await writer.write(bytes) }
                if random.next(below: 3) > 0 { _ = try await writer.commit() }
            } catch {
                await writer.abort()
                throw error
            }
            await writer.abort()
        case 5: try await backend.mkdir(try path(), options: MkdirOptions())
        case 6: try await backend.symlink(try path(), to: LinkTarget(Array("/workspace/a".utf8)))
        case 7, 8: try await backend.rename(try path(), to: try path(), options: RenameOptions())
        case 9: try await backend.copy(try path(), to: try path(), options: CopyOptions(recursive: true))
        case 10: try await backend.touch(try path())
        default:
            try await backend.rm(try path(), options: RemoveOptions(recursive: random.next(below: 3) == 0))
        }
    }

    @Test func whatWouldBeTooMuchIsRefusedBeforeAnythingIsWritten() async throws {
        try await withQuota(bytes: 64 << 10, inodes: 6) { fixture, usage in
            let backend = fixture.backend
            try await put(backend, "a", 40_000)
            let error = try await failure(of: try await put(backend, "d/b", 40_000))
            #expect(error.code == .resourceExhausted && error.reason == .noSpace)
            let details = LimitDetails(name: "workspace_bytes", used: 40_960, asked: 40_960, allowed: 65_536)
            #expect(error.limit == details)
            #expect(try fixture.names("") == ["a"])
            let full = Refusal(.resourceExhausted, .noSpace)
            #expect(try await refusal(of: try await put(backend, "a", 30_000, .append)) == full)
            #expect(try await refusal(of: try await backend.duplicate("a", to: "c")) == full)
            #expect(try fixture.names("") == ["a"] && fixture.status("a")?.st_size == 40_000)
            // The difference counts.
            try await put(backend, "a", 65_536)
            try await put(backend, "empty", 0)
            #expect(try await refusal(of: try await put(backend, "empty", 1)) == full)
            #expect(try await refusal(of: try await put(backend, "a", 65_537)) == full)
            try await put(backend, "a", 100)
            try await put(backend, "a", 3000, .append)
            try await backend.makeDirectory("x/y/z")
            #expect(usage.exactUsage.map { UsageAmount($0) } == UsageAmount(bytes: 4096, inodes: 5))
            try await backend.symlink(try WorkspacePath("link"), to: LinkTarget(Array("a".utf8)))
            #expect(try await failure(of: try await put(backend, "n", 0)).limit?.name == "workspace_inodes")
            #expect(try await refusal(of: try await backend.makeDirectory("n")) == full)
            #expect(try await refusal(of: try await backend.touchFile("n")) == full)
            #expect(try await refusal(of: try await backend.duplicate("x", to: "n", .tree)) == full)
            #expect(
                try await refusal(
                    of: try await backend.symlink(try WorkspacePath("n"), to: LinkTarget(Array("a".utf8)))
                ) == full
            )
            // What takes none is done.
            try await put(backend, "a", 5000)
            try await backend.touchFile("a")
            try await backend.move("a", to: "empty")
            try await backend.makeDirectory("x/y")
            try await backend.remove("x", recursive: true)
            #expect(try await usage.exactUsage == fixture.foundUsage())
        }
    }

    /// Sixteen that write as fast as they can, to names of their own and to one.
    @Test func manyWritersNeverPassTheLimit() async throws {
        let limit: UInt64 = 400 << 10
        try await withQuota(bytes: limit) { fixture, usage in
            let refused = await withTaskGroup(of: Int.self) { group in
                for writer in 0..<16 {
                    group.addTask {
                        var random = Numbers(seed: UInt64(writer) + 7)
                        var refused = 0
                        for number in 0..<40 {
                            let name = random.next(below: 4) == 0 ? "shared" : "w\(writer)-\(number % 5)"
                            do {
                                try await put(fixture.backend, name, random.next(below: 60_000))
                            } catch {
                                refused += 1
                            }
                            if usage.usage.allocatedBytes > limit { return -1_000_000 }
                        }
                        return refused
                    }
                }
                return await group.reduce(0, +)
            }
            #expect(refused > 0)
            let found = try await fixture.foundUsage()
            #expect(found.allocatedBytes <= limit && usage.exactUsage == found)
            #expect(usage.room.bytes == limit - found.allocatedBytes, "nothing is kept for who was refused")
        }
    }

    @Test func aStreamThatComesToNothingGivesItsRoomBack() async throws {
        try await withQuota(bytes: 100 << 10, inodes: 2) { fixture, usage in
            let backend = fixture.backend
            let path = try WorkspacePath("a")
            let piece = ByteBuffer(repeating: 1, count: 40 << 10)
            let first = try await backend.openWriter(path, options: WriteOptions())
            try await first.write(piece)
            try await first.write(piece)
            let second = try await backend.openWriter(try WorkspacePath("b"), options: WriteOptions())
            #expect(try await failure(of: try await second.write(piece)).limit?.used == 80 << 10)
            await first.abort()
            try await second.write(piece)
            _ = try await second.commit()
            // The same over what is there, which gives its room.
            let third = try await backend.openWriter(try WorkspacePath("b"), options: WriteOptions())
            for _ in 0..<2 { try await third.write(piece) }
            #expect(try await refusal(of: try await third.write(piece)).code == .resourceExhausted)
            _ = try await third.commit()
            #expect(usage.room == UsageAmount(bytes: 20 << 10, inodes: 1))
            #expect(try await usage.exactUsage == fixture.foundUsage())
        }
    }

    /// Two that count on the room of one file, of which one finds it gone.
    @Test func roomIsNotGivenTwice() async throws {
        try await withQuota(bytes: 64 << 10) { fixture, usage in
            let backend = fixture.backend
            try await put(backend, "a", 60 << 10)
            let writer = try await backend.openWriter(try WorkspacePath("a"), options: WriteOptions())
            try await writer.write(ByteBuffer(repeating: 1, count: 60 << 10))
            try await put(backend, "a", 0)
            try await put(backend, "b", 40 << 10)
            #expect(try await refusal(of: try await writer.commit()).code == .resourceExhausted)
            await writer.abort()
            #expect(fixture.status("a")?.st_size == 0)
            #expect(usage.room.bytes == 24 << 10)
        }
    }

    /// What commands did is found out before a call is refused for it, or let through.
    @Test func whatCommandsDidIsCounted() async throws {
        try await withQuota(bytes: 64 << 10) { fixture, usage in
            try await put(fixture.backend, "a", 60 << 10)
            usage.commandBegan(of: fixture.backend)
            unlink(fixture.path("a"))
            try await put(fixture.backend, "b", 60 << 10)
            try fixture.makeFile("c", String(repeating: "x", count: 4096))
            usage.commandEnded()
            #expect(try await refusal(of: try await put(fixture.backend, "d", 1)).code == .resourceExhausted)
            #expect(try await usage.exactUsage == fixture.foundUsage())
        }
    }

    /// A directory that may not be read takes room all the same.
    @Test func whatIsClosedIsCounted() async throws {
        try await withQuota { fixture, usage in
            try fixture.makeDirectory("closed")
            try fixture.makeFile("closed/a", String(repeating: "x", count: 9000))
            try #require(chmod(fixture.path("closed"), 0) == 0)
            let counted = try await fixture.backend.diskUsage("")
            if isRoot { #expect(counted.allocatedBytes == 12_288 && counted.files == 1 && counted.skipped == 0) }
            try #require(chmod(fixture.path("closed"), 0o700) == 0)
        }
    }
}

extension CopyOptions {
    fileprivate static let tree = CopyOptions(recursive: true)
}

extension LocalFixture {
    /// What find(1) says of what is in the root.
    func foundUsage() async throws -> DiskUsage {
        let found = try await output(of: "/usr/bin/find", ["-mindepth", "1", "-printf", "%y %s %b\n"], in: self)
        var usage = DiskUsage()
        for line in String(decoding: found, as: UTF8.self).split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields[0] != "d" else {
                usage.directories += 1
                continue
            }
            usage.files += 1
            guard fields[0] == "f" else { continue }
            usage.bytes += try #require(UInt64(fields[1]))
            usage.allocatedBytes += try #require(UInt64(fields[2])) * 512
        }
        return usage
    }
}
