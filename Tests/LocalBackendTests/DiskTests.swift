import AgentBackend
import Glibc
import NIOCore
import Testing

@testable import LocalBackend

/// File systems that are full, that may only be read, and files that are larger than they are.
@Suite(.timeLimit(.minutes(2))) struct DiskTests {
    private static let tree = CopyOptions(recursive: true)

    /// There is room for names, but for no more bytes.
    @Test(.enabled(if: LocalFixture.canMount), arguments: identities)
    func takeNoMoreBytesThanThereIsRoomFor(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity, disk: 1 << 20) { fixture in
            let backend = fixture.backend
            let full = Refusal(.writeFailed, .noSpace)
            try await backend.put("tree/large", String(repeating: "x", count: 600 << 10))
            try await backend.put("tree/small", "small")
            try await backend.put("old", "old")
            #expect(try await refusal(of: try await backend.duplicate("tree/large", to: "copy")) == full)
            #expect(try await refusal(of: try await backend.duplicate("tree/large", to: "old")) == full)
            #expect(try fixture.contents("old") == "old")
            // What fits is copied all the same.
            let error = try await failure(of: try await backend.duplicate("tree", to: "copy", Self.tree))
            #expect(Refusal(error) == full)
            #expect(error.message.contains("/workspace/tree/large:"))
            #expect(try fixture.names("copy") == ["small"])
            try await backend.move("tree/large", to: "moved/large")
            #expect(try fixture.names("") == ["copy", "moved", "old", "tree"])
        }
    }

    /// There is room for bytes, but for no more names.
    @Test(.enabled(if: LocalFixture.canMount), arguments: identities)
    func takeNoMoreNamesThanThereIsRoomFor(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity, disk: 1 << 20) { fixture in
            let backend = fixture.backend
            let full = Refusal(.writeFailed, .noSpace)
            for name in ["file", "tree/a", "tree/b"] { try await backend.put(name, "x") }
            try #require(mount("tmpfs", fixture.base, "tmpfs", UInt(MS_REMOUNT), "nr_inodes=32") == 0)
            var count = 0
            while count < 100, (try? await backend.touchFile("full \(count)")) != nil { count += 1 }
            #expect(count < 32)
            for _ in 0..<2 {
                #expect(try await refusal(of: try await backend.touchFile("new")) == full)
                #expect(try await refusal(of: try await backend.touchFile("a/new")) == full)
                #expect(try await refusal(of: try await backend.makeDirectory("a")) == full)
                let alone = MkdirOptions(recursive: false)
                #expect(try await refusal(of: try await backend.makeDirectory("a", alone)) == full)
                #expect(try await refusal(of: try await backend.put("new", "x")) == full)
                #expect(try await refusal(of: try await backend.put("file", "x")) == full)
                #expect(try await refusal(of: try await backend.duplicate("file", to: "new")) == full)
                #expect(try await refusal(of: try await backend.duplicate("tree", to: "new", Self.tree)) == full)
                #expect(try await refusal(of: try await backend.move("file", to: "a/new")) == full)
            }
            // What takes no name of its own still works.
            try await backend.touchFile("file")
            try await backend.put("file", "y", options: WriteOptions(mode: .append))
            try await backend.move("file", to: "moved")
            #expect(try fixture.contents("moved") == "xy")
            #expect(try fixture.names("tree") == ["a", "b"])
            #expect(fixture.status("new") == nil && fixture.status("a") == nil)
            try await backend.remove("full 0")
            try await backend.makeDirectory("new")
        }
    }

    @Test(.enabled(if: LocalFixture.canMount), arguments: identities)
    func mayBeReadAlone(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity, disk: 1 << 20) { fixture in
            let backend = fixture.backend
            let etag = try await backend.put("tree/file", "old").etag
            let writer = try await backend.openWriter(try WorkspacePath("late"), options: WriteOptions())
            await writer.abort()
            try #require(mount("tmpfs", fixture.base, "tmpfs", UInt(MS_REMOUNT | MS_RDONLY), nil) == 0)
            let readOnly = Refusal(.writeFailed, .readOnly)
            for options in [
                WriteOptions(), WriteOptions(mode: .append), WriteOptions(expectedEtag: etag),
                WriteOptions(mode: .append, expectedEtag: etag),
            ] {
                let write = try await refusal(of: try await backend.put("tree/file", "new", options: options))
                #expect(write == readOnly, "\(options)")
            }
            for path in ["new", "a/new"] {
                #expect(try await refusal(of: try await backend.put(path, "x")) == readOnly)
                #expect(try await refusal(of: try await backend.touchFile(path)) == readOnly)
                #expect(try await refusal(of: try await backend.makeDirectory(path)) == readOnly)
                #expect(try await refusal(of: try await backend.move("tree", to: path)) == readOnly)
                #expect(try await refusal(of: try await backend.duplicate("tree/file", to: path)) == readOnly)
                #expect(try await refusal(of: try await backend.duplicate("tree", to: path, Self.tree)) == readOnly)
            }
            let alone = MkdirOptions(recursive: false)
            #expect(try await refusal(of: try await backend.makeDirectory("new", alone)) == readOnly)
            #expect(try await refusal(of: try await backend.touchFile("tree/file")) == readOnly)
            #expect(try await refusal(of: try await backend.touchFile("tree")) == readOnly)
            #expect(try await refusal(of: try await backend.duplicate("tree/file", to: "tree/file")) == readOnly)
            #expect(try await refusal(of: try await backend.remove("tree/file")) == readOnly)
            #expect(try await refusal(of: try await backend.remove("tree", recursive: true)) == readOnly)
            let path = try WorkspacePath("new")
            #expect(try await refusal(of: try await backend.openWriter(path, options: WriteOptions())) == readOnly)
            // What is there already is fine, and may be looked at.
            try await backend.makeDirectory("tree")
            #expect(try await backend.contents("tree/file") == "old")
            #expect(try await backend.names("tree") == ["file"])
            #expect(try await backend.info("tree/file").etag == etag)
        }
    }

    /// One of them is mounted in a workspace that lies on the other: what is in there can be copied, but only from there.
    @Test(.enabled(if: LocalFixture.canMount), arguments: identities)
    func areToldApart(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            let backend = fixture.backend
            try fixture.makeDirectory("mounted")
            try #require(mount("tmpfs", fixture.path("mounted"), "tmpfs", 0, "size=8m,mode=0777") == 0)
            defer { umount2(fixture.path("mounted"), Int32(MNT_DETACH)) }
            let large = String(repeating: "0123456", count: 300_000)
            try fixture.makeFile("mounted/large", large)
            try fixture.makeFile("file", "own")
            try await backend.duplicate("mounted/large", to: "copy")
            #expect(try fixture.contents("copy") == large)
            #expect(try await backend.duplicate("mounted", to: "tree", Self.tree).files == 1)
            #expect(try fixture.contents("tree/large") == large)
            try await backend.makeDirectory("mounted/a/b")
            try await backend.touchFile("mounted/large")
            try await backend.put("mounted/large", "!", options: WriteOptions(mode: .append))
            #expect(try fixture.contents("mounted/large") == large + "!")

            let elsewhere = Refusal(.writeFailed, .crossDevice)
            for path in ["mounted/new", "mounted/large"] {
                #expect(try await refusal(of: try await backend.put(path, "x")) == elsewhere)
                #expect(try await refusal(of: try await backend.duplicate("file", to: path)) == elsewhere)
                #expect(try await refusal(of: try await backend.move("file", to: path)) == elsewhere)
            }
            #expect(try await refusal(of: try await backend.move("mounted/large", to: "moved")) == elsewhere)
            #expect(try fixture.names("mounted") == ["a", "large"])
        }
    }

    /// A file of 1 TiB that takes no room.
    @Test func mayHoldFilesThatAreLargerThanThey() async throws {
        let size = UInt64(1) << 40
        for allowed in [LocalFilesystemLimits().maximumFileBytes, size] {
            try await LocalFixture.with(limits: LocalFilesystemLimits(maximumFileBytes: allowed)) { fixture in
                let backend = fixture.backend
                let descriptor = open(fixture.path("sparse"), O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
                try #require(pwrite(descriptor, "middle", 6, off_t(size / 2)) == 6)
                try #require(ftruncate(descriptor, off_t(size)) == 0)
                close(descriptor)
                let tooLarge = Refusal(.writeFailed, .tooLarge)
                func check(_ name: String) async throws {
                    #expect(try await backend.info(name).size == size)
                    for (offset, expected) in [
                        (size / 2 - 1, "\0middle\0"), (size - 2, "\0\0"), (size, ""), (.max, ""),
                    ] {
                        let range = ReadRange(offset: offset, length: 8)
                        #expect(try await backend.contents(name, range: range) == expected)
                    }
                    let whole = try await refusal(of: try await backend.contents(name))
                    #expect(whole == Refusal(.readFailed, .tooLarge))
                    if case .done = backend.tryRead(try WorkspacePath(name), range: .all, maximum: 1 << 20) {
                        Issue.record("read at once")
                    }
                }
                try await check("sparse")
                let append = WriteOptions(mode: .append)
                #expect(try await refusal(of: try await backend.put("sparse", "x", options: append)) == tooLarge)
                if allowed < size {
                    let error = try await failure(of: try await backend.duplicate("sparse", to: "copy"))
                    #expect(Refusal(error) == tooLarge)
                    #expect(error.limit == LimitDetails(name: "file_bytes", used: size, allowed: allowed))
                } else {
                    #expect(try await backend.duplicate("sparse", to: "copy") == CopyResult(files: 1, bytes: size))
                    #expect(try #require(fixture.status("copy")).st_blocks < 1 << 12)
                    try await check("copy")
                }
                try await backend.move("sparse", to: "moved")
                try await backend.touchFile("moved")
                try await check("moved")
                try await backend.put("moved", "small")
                #expect(try fixture.contents("moved") == "small")
            }
        }
    }
}
