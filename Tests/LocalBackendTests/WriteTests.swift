import AgentBackend
import Glibc
import NIOCore
import Testing

@testable import LocalBackend

@Suite struct WriteTests {
    @Test(arguments: identities)
    func makesTheFileAndItsParents(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            let info = try await fixture.backend.put(
                "a/b/c/file",
                "contents",
                options: WriteOptions(permissions: 0o751)
            )
            #expect(info.kind == .regular)
            #expect(info.size == 8)
            #expect(info.permissions == 0o751)
            #expect(try await fixture.backend.info("a/b/c/file") == info)
            #expect(try fixture.contents("a/b/c/file") == "contents")
            for path in ["a", "a/b", "a/b/c", "a/b/c/file"] {
                let status = try #require(fixture.status(path))
                #expect(status.st_uid == identity?.uid ?? geteuid())
                #expect(status.st_gid == identity?.gid ?? getegid())
            }
            try await fixture.backend.put("a/b/c/file", "")
            #expect(try fixture.contents("a/b/c/file") == "")
        }
    }

    @Test(arguments: identities)
    func keepsTheModeOfWhatItReplaces(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            try fixture.makeFile("script", "old", mode: 0o750)
            try await fixture.backend.put("script", "new", options: WriteOptions(permissions: 0o600))
            #expect(fixture.mode("script") == 0o750)
            // Bits that give whoever runs a file its owner's rights are not handed to new contents.
            try fixture.makeFile("set", "old", mode: 0o6755)
            try await fixture.backend.put("set", "new")
            #expect(fixture.mode("set") == 0o755)
            let info = try await fixture.backend.put("fresh", "", options: WriteOptions(permissions: 0o7644))
            #expect(info.permissions == 0o644)
        }
    }

    /// Also where other files of the same name begin: a reader has one file or the other.
    @Test func showsOneFileOrTheOther() async throws {
        try await LocalFixture.with { fixture in
            let length = 48 << 10
            let versions = (0..<4).map { String(repeating: "\($0)", count: length) }
            try await fixture.backend.put("file", versions[0])
            let isDone = Flag()
            let path = try WorkspacePath("file")
            try await withThrowingTaskGroup { group in
                for _ in 0..<2 {
                    group.addTask {
                        while !isDone.isSet {
                            let contents = try await fixture.backend.contents("file")
                            #expect(versions.contains(contents))
                            if case .done((let info, let bytes)) = fixture.backend.tryRead(
                                path,
                                range: .all,
                                maximum: length
                            ) {
                                #expect(info.size == length)
                                #expect(versions.contains(String(buffer: bytes)))
                            }
                        }
                    }
                }
                for count in 0..<400 { try await fixture.backend.put("file", versions[count % versions.count]) }
                isDone.set()
                try await group.waitForAll()
            }
        }
    }

    @Test(arguments: identities)
    func createsOnlyWhatIsNotThere(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            let options = WriteOptions(mode: .createOnly)
            try await fixture.backend.put("new", "first", options: options)
            try fixture.makeDirectory("directory")
            for name in ["new", "directory"] {
                let second = try await refusal(of: try await fixture.backend.put(name, "second", options: options))
                #expect(second == Refusal(.writeFailed, .exists))
            }
            #expect(try fixture.contents("new") == "first")

            // Of many at once one wins, and it is the one whose bytes are there.
            let winners = await withTaskGroup(of: String?.self, returning: [String].self) { group in
                for number in 0..<16 {
                    group.addTask {
                        let done = try? await fixture.backend.put("contested", "\(number)", options: options)
                        return done == nil ? nil : "\(number)"
                    }
                }
                return await group.reduce(into: []) { winners, winner in winners += winner.map { [$0] } ?? [] }
            }
            #expect(winners.count == 1)
            let contents = try fixture.contents("contested")
            #expect(winners.first == contents)
        }
    }

    @Test(arguments: identities)
    func refusesWhatIsNoRegularFile(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            try fixture.makeDirectory("directory")
            try #require(mkfifo(fixture.path("fifo"), 0o666) == 0)
            try fixture.makeLink("link", to: "fifo")
            for mode in [WriteOptions.Mode.replace, .append] {
                let options = WriteOptions(mode: mode)
                let backend = fixture.backend
                for (path, reason) in [
                    ("directory", BackendError.Reason.isDirectory), ("/workspace", .isDirectory), ("fifo", .notRegular),
                    ("link", .notRegular), ("fifo/file", .notDirectory), ("directory/../fifo/a/b", .notDirectory),
                ] {
                    let write = try await refusal(of: try await backend.put(path, "x", options: options))
                    #expect(write == Refusal(.writeFailed, reason), "\(path)")
                }
            }
            #expect(fixture.status("fifo").map { $0.st_mode & S_IFMT } == S_IFIFO)
        }
    }

    @Test func streamsAFileInPieces() async throws {
        try await LocalFixture.with { fixture in
            let path = try WorkspacePath("a/file")
            let writer = try await fixture.backend.openWriter(path, options: WriteOptions())
            for piece in ["one ", "", "two ", "three"] { try await writer.write(ByteBuffer(string: piece)) }
            // Nothing shows before the end.
            #expect(try fixture.names("") == [])
            let info = try await writer.commit()
            #expect(info.size == 13)
            #expect(try fixture.contents("a/file") == "one two three")
            await writer.abort()
            #expect(try fixture.contents("a/file") == "one two three")

            // What has taken its place is not written to any more.
            #expect(try await refusal(of: try await writer.write(ByteBuffer(string: "more"))).code == .invalidArgument)
            #expect(try await refusal(of: try await writer.commit()).code == .invalidArgument)
            #expect(try fixture.contents("a/file") == "one two three")
        }
    }

    @Test func forgetsWhatIsNotCommitted() async throws {
        try await LocalFixture.with { fixture in
            let path = try WorkspacePath("file")
            for isAborted in [true, false] {
                // Dropped is as good as aborted: the fixture looks for what is left.
                let writer = try await fixture.backend.openWriter(path, options: WriteOptions())
                try await writer.write(ByteBuffer(string: "lost"))
                #expect(try fixture.names(absolute: fixture.temporary).count == 1)
                if isAborted {
                    await writer.abort()
                    await writer.abort()
                    #expect(try await refusal(of: try await writer.commit()).code == .invalidArgument)
                    #expect(try fixture.names(absolute: fixture.temporary) == [])
                }
            }
            #expect(try fixture.names("") == [])
        }
    }

    @Test(arguments: [WriteOptions.Durability.none, .data, .full], [WriteOptions.Mode.replace, .createOnly, .append])
    func writesAtEachDurability(_ durability: WriteOptions.Durability, mode: WriteOptions.Mode) async throws {
        try await LocalFixture.with { fixture in
            let options = WriteOptions(mode: mode, durability: durability)
            try await fixture.backend.put("a/file", "one", options: options)
            if mode != .createOnly { try await fixture.backend.put("a/file", "two", options: options) }
            let expected: [WriteOptions.Mode: String] = [.replace: "two", .createOnly: "one", .append: "onetwo"]
            #expect(try fixture.contents("a/file") == expected[mode])
        }
    }
}
