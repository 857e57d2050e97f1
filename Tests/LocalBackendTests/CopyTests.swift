import AgentBackend
import CLinux
import Glibc
import NIOCore
import Testing

@testable import LocalBackend

/// Copies of single files.
@Suite struct CopyTests {
    private static let keeping = CopyOptions(replacesExisting: false)

    @Test(arguments: identities)
    func copiesAFileAndMakesTheParents(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            let backend = fixture.backend
            try fixture.makeFile("script", "contents", mode: 0o4751)
            let result = try await backend.duplicate("script", to: "a/b/copy")
            #expect(result == CopyResult(files: 1, bytes: 8))
            #expect(try fixture.contents("a/b/copy") == "contents")
            // But for the bits that give whoever runs it its owner's rights.
            #expect(fixture.mode("a/b/copy") == 0o751)
            #expect(fixture.status("a/b/copy")?.st_uid == identity?.uid ?? geteuid())
            let (original, copy) = (try await backend.info("script"), try await backend.info("a/b/copy"))
            #expect(original.etag != copy.etag)
            try await backend.put("script", "other")
            #expect(try fixture.contents("a/b/copy") == "contents")

            try fixture.makeFile("empty")
            #expect(try await backend.duplicate("empty", to: "nothing") == CopyResult(files: 1, bytes: 0))
            #expect(try fixture.contents("nothing") == "")
        }
    }

    @Test(arguments: identities)
    func replacesAFileAsAWhole(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            let backend = fixture.backend
            try fixture.makeFile("new", "new", mode: 0o600)
            try fixture.makeFile("old", "old and longer", mode: 0o755)
            let held = open(fixture.path("old"), O_RDONLY | O_CLOEXEC)
            try #require(held >= 0)
            try await backend.duplicate("new", to: "old")
            #expect(try fixture.contents("old") == "new")
            #expect(fixture.mode("old") == 0o600)
            var bytes = [UInt8](repeating: 0, count: 100)
            #expect(
                String(decoding: bytes[..<max(0, read(held, &bytes, bytes.count))], as: UTF8.self) == "old and longer"
            )
            close(held)
            // Onto itself, by whatever name.
            try fixture.makeLink("link", to: "new")
            try await backend.duplicate("new", to: "new")
            try await backend.duplicate("link", to: "new")
            try await backend.duplicate("new", to: "link")
            #expect(try fixture.contents("new") == "new")
            #expect(fixture.status("link").map { $0.st_mode & S_IFMT } == S_IFLNK)
        }
    }

    @Test(arguments: identities)
    func followsLinksThatStayInside(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            let backend = fixture.backend
            try await backend.put("a/file", "contents")
            try fixture.makeLink("from", to: "/workspace/a/file")
            try fixture.makeLink("to", to: "a/copy")
            try await backend.duplicate("from", to: "to")
            #expect(try fixture.contents("a/copy") == "contents")
            #expect(fixture.status("to").map { $0.st_mode & S_IFMT } == S_IFLNK)
            #expect(fixture.status("a/copy").map { $0.st_mode & S_IFMT } == S_IFREG)
            let kept = try await refusal(of: try await backend.duplicate("from", to: "to", Self.keeping))
            #expect(kept == Refusal(.writeFailed, .exists))
        }
    }

    @Test(arguments: identities)
    func saysWhatIsInTheWay(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            let backend = fixture.backend
            try await backend.put("file", "contents")
            try await backend.put("tree/file", "x")
            try fixture.makeLink("loop", to: "loop")
            for name in try fixture.makeSpecialFiles() {
                let from = try await failure(of: try await backend.duplicate(name, to: "copy"))
                #expect(Refusal(from) == Refusal(.writeFailed, .notRegular), "\(name)")
                #expect(from.message.contains("/workspace/\(name):"))
                let to = try await failure(of: try await backend.duplicate("file", to: name))
                #expect(Refusal(to) == Refusal(.writeFailed, .notRegular), "\(name)")
                #expect(to.message.contains("/workspace/\(name):"))
            }
            for (path, destination, expected, named) in [
                ("nothing", "made/for/it", Refusal(.writeFailed, .notFound), "nothing"),
                ("file", "tree", Refusal(.writeFailed, .isDirectory), "tree"),
                ("tree", "copy", Refusal(.writeFailed, .isDirectory), "tree"),
                ("file", "file/x", Refusal(.invalidArgument), "file"),
                ("tree/file", "file/x", Refusal(.writeFailed, .notDirectory), "file/x"),
                ("/workspace", "copy", Refusal(.writeFailed, .busy), ""),
                ("file", "/workspace", Refusal(.writeFailed, .busy), ""),
                ("loop", "copy", Refusal(.writeFailed, .loop), "loop"),
                ("file", "loop", Refusal(.writeFailed, .loop), "loop"),
            ] {
                let error = try await failure(of: try await backend.duplicate(path, to: destination))
                #expect(Refusal(error) == expected, "\(path) \(destination)")
                #expect(error.message.contains("/workspace" + (named.isEmpty ? "" : "/" + named)), "\(error)")
            }
            for destination in ["file", "tree", "loop"] {
                let copy = try await refusal(
                    of: try await backend.duplicate("tree/file", to: destination, Self.keeping)
                )
                #expect(copy == Refusal(.writeFailed, .exists), "\(destination)")
            }
            #expect(fixture.status("copy") == nil && fixture.status("made") == nil)
        }
    }

    @Test(.enabled(if: isRoot))
    func keepsToPermissions() async throws {
        try await LocalFixture.with(identities.last ?? nil) { fixture in
            let backend = fixture.backend
            try fixture.makeFile("unreadable", "x", mode: 0o200)
            try fixture.makeFile("readonly", "old", mode: 0o444)
            try fixture.makeFile("file", "new")
            let from = try await failure(of: try await backend.duplicate("unreadable", to: "copy"))
            #expect(Refusal(from) == Refusal(.writeFailed, .denied))
            #expect(from.message.contains("/workspace/unreadable:"))
            let to = try await failure(of: try await backend.duplicate("file", to: "readonly"))
            #expect(Refusal(to) == Refusal(.writeFailed, .denied))
            #expect(to.message.contains("/workspace/readonly:"))
            #expect(try fixture.contents("readonly") == "old")
            // What may be read may be copied, and its copy changed no more than itself.
            try await backend.duplicate("readonly", to: "copy")
            #expect(fixture.mode("copy") == 0o444)
        }
    }

    @Test(arguments: identities)
    func keepsToTheLargestFile(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity, limits: LocalFilesystemLimits(maximumFileBytes: 10)) { fixture in
            try fixture.makeFile("fits", "0123456789")
            try fixture.makeFile("large", "0123456789a")
            try await fixture.backend.duplicate("fits", to: "copy")
            let error = try await failure(of: try await fixture.backend.duplicate("large", to: "copy"))
            #expect(Refusal(error) == Refusal(.writeFailed, .tooLarge))
            #expect(error.limit == LimitDetails(name: "file_bytes", used: 11, allowed: 10))
            #expect(error.message.contains("/workspace/large "))
            #expect(try fixture.contents("copy") == "0123456789")
        }
    }

    /// Larger than what is copied at once, and odd in size.
    @Test(arguments: [nil, 1 << 26])
    func copiesLargeFiles(_ disk: Int?) async throws {
        guard disk == nil || LocalFixture.canMount else { return }
        try await LocalFixture.with(disk: disk) { fixture in
            var contents = ByteBuffer()
            for number in 0..<17 { contents.writeString(String(repeating: "\(number)", count: 1 << 20)) }
            try await fixture.backend.write(try WorkspacePath("large"), contents, options: WriteOptions())
            let result = try await fixture.backend.duplicate("large", to: "copy")
            #expect(result == CopyResult(files: 1, bytes: UInt64(contents.readableBytes)))
            let copy = try await fixture.backend.read(try WorkspacePath("copy"))
            #expect(copy == contents)
        }
    }

    /// Data, a hole, data, and a hole at the end.
    @Test(arguments: [nil, 1 << 24])
    func leavesHolesWhereTheyAre(_ disk: Int?) async throws {
        guard disk == nil || LocalFixture.canMount else { return }
        try await LocalFixture.with(disk: disk) { fixture in
            let size = 1 << 30
            let descriptor = open(fixture.path("sparse"), O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
            try #require(descriptor >= 0)
            for offset in [0, 300 << 20] { try #require(pwrite(descriptor, "data", 4, off_t(offset)) == 4) }
            try #require(ftruncate(descriptor, off_t(size)) == 0)
            close(descriptor)
            #expect(try await fixture.backend.duplicate("sparse", to: "copy").bytes == UInt64(size))
            let copy = try #require(fixture.status("copy"))
            #expect(copy.st_size == size)
            #expect(copy.st_blocks * 512 <= 1 << 20)
            for (offset, expected) in [(0, "data\0"), (300 << 20, "data\0"), (size - 2, "\0\0"), (1 << 20, "\0")] {
                let range = ReadRange(offset: UInt64(offset), length: UInt64(expected.utf8.count))
                #expect(try await fixture.backend.contents("copy", range: range) == expected)
            }
        }
    }

    /// By a cancelled call: nothing of it is left, whatever was copied by then.
    @Test func endsWhenItIsCancelled() async throws {
        try await LocalFixture.with { fixture in
            try fixture.makeFile("file", "contents")
            let cancellation = FileCancellation()
            let files = try fixture.files(cancellation)
            cancellation.cancel()
            #expect {
                try files.copy(try WorkspacePath("file"), to: try WorkspacePath("copy"), options: CopyOptions())
            } throws: { error in
                guard case .cancelled? = error as? DirectoryAccess.Failure else { return false }
                return true
            }
            #expect(try fixture.names("") == ["file"])
        }
    }

    /// Readers of the destination see a whole copy of one version or of another.
    @Test func showsOneFileOrTheOther() async throws {
        try await LocalFixture.with { fixture in
            let versions = (0..<3).map { String(repeating: "\($0)", count: 48 << 10) }
            try await fixture.backend.put("source", versions[0])
            try await fixture.backend.put("copy", versions[0])
            let isDone = Flag()
            try await withThrowingTaskGroup { group in
                group.addTask {
                    while !isDone.isSet {
                        let contents = try await fixture.backend.contents("copy")
                        #expect(versions.contains(contents))
                    }
                }
                group.addTask {
                    for count in 0..<200 { try await fixture.backend.put("source", versions[count % 3]) }
                }
                for _ in 0..<200 { try await fixture.backend.duplicate("source", to: "copy") }
                isDone.set()
                try await group.waitForAll()
            }
        }
    }
}
