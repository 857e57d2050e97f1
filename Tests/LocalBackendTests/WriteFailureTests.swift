import AgentBackend
import Glibc
import NIOCore
import Testing

@testable import LocalBackend

/// Writes that go wrong leave what was there, and nothing besides; ``LocalFixture/with`` looks for temporary files and
/// descriptors.
@Suite struct WriteFailureTests {
    @Test(.enabled(if: LocalFixture.canMount), arguments: identities)
    func keepsTheOldFileWhereTheDiskIsFull(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity, disk: 1 << 20) { fixture in
            try await fixture.backend.put("file", "old")
            try await fixture.backend.put("log", "one")
            let tooMuch = String(repeating: "x", count: 2 << 20)
            let full = Refusal(.writeFailed, .noSpace)
            let backend = fixture.backend
            #expect(try await refusal(of: try await backend.put("file", tooMuch)) == full)
            #expect(try await refusal(of: try await backend.put("new", tooMuch)) == full)
            // What fails half way is taken back.
            let append = WriteOptions(mode: .append)
            #expect(try await refusal(of: try await backend.put("log", tooMuch, options: append)) == full)
            #expect(try fixture.contents("log") == "one")

            let writer = try await backend.openWriter(try WorkspacePath("log"), options: append)
            // Fits as a temporary file, but not a second time.
            try await writer.write(ByteBuffer(repeating: 0, count: 700 << 10))
            #expect(try await refusal(of: try await writer.commit()) == full)
            await writer.abort()
            #expect(try fixture.contents("log") == "one")
            #expect(try fixture.contents("file") == "old")
            #expect(try fixture.names("") == ["file", "log"])
            try await backend.put("file", "still works")
        }
    }

    /// What did not fit is not there in part, and may come once there is room.
    @Test(.enabled(if: LocalFixture.canMount))
    func aPieceThatFailedLeavesTheOnesBeforeIt() async throws {
        try await LocalFixture.with(disk: 1 << 20) { fixture in
            let backend = fixture.backend
            try await backend.put("filler", String(repeating: "x", count: 500 << 10))
            for (name, hasRoom) in [("short", false), ("whole", true)] {
                let writer = try await backend.openWriter(try WorkspacePath(name), options: WriteOptions())
                try await writer.write(ByteBuffer(string: "before"))
                let piece = ByteBuffer(repeating: UInt8(ascii: "y"), count: 600 << 10)
                #expect(try await refusal(of: try await writer.write(piece)) == Refusal(.writeFailed, .noSpace))
                if hasRoom {
                    try await backend.remove("filler")
                    try await writer.write(piece)
                }
                #expect(try await writer.commit().size == UInt64(hasRoom ? 6 + (600 << 10) : 6))
                #expect(try fixture.contents(name).hasPrefix(hasRoom ? "beforey" : "before"))
            }
        }
    }

    @Test(.enabled(if: LocalFixture.canMount))
    func saysThatAFileSystemIsReadOnly() async throws {
        try await LocalFixture.with(disk: 1 << 20) { fixture in
            try await fixture.backend.put("file", "old")
            try #require(mount("tmpfs", fixture.base, "tmpfs", UInt(MS_REMOUNT | MS_RDONLY), nil) == 0)
            let readOnly = Refusal(.writeFailed, .readOnly)
            let backend = fixture.backend
            #expect(try await refusal(of: try await backend.put("file", "new")) == readOnly)
            #expect(try await refusal(of: try await backend.put("a/new", "new")) == readOnly)
            let append = WriteOptions(mode: .append)
            #expect(try await refusal(of: try await backend.put("file", "new", options: append)) == readOnly)
            #expect(try await refusal(of: try await backend.remove("file")) == readOnly)
            #expect(try await backend.contents("file") == "old")
        }
    }

    @Test(.enabled(if: isRoot))
    func keepsToPermissions() async throws {
        try await LocalFixture.with(identities.last ?? nil) { fixture in
            let backend = fixture.backend
            for (name, mode) in [("none", mode_t(0)), ("read", 0o444)] {
                try fixture.makeFile(name, "old", mode: mode)
                for writeMode in [WriteOptions.Mode.replace, .append] {
                    let options = WriteOptions(mode: writeMode)
                    let write = try await refusal(of: try await backend.put(name, "new", options: options))
                    #expect(write == Refusal(.writeFailed, .denied), "\(name) \(writeMode)")
                }
                #expect(try fixture.contents(name) == "old")
            }
            #expect(try await refusal(of: try await backend.contents("none")) == Refusal(.readFailed, .denied))
            #expect(try await backend.contents("read") == "old")

            try fixture.makeDirectory("closed")
            try fixture.makeFile("closed/file", "old")
            try fixture.changeMode("closed", to: 0)
            #expect(try await refusal(of: try await backend.put("closed/file", "x")) == Refusal(.writeFailed, .denied))
            #expect(try await refusal(of: try await backend.put("closed/new", "x")) == Refusal(.writeFailed, .denied))
            #expect(try await refusal(of: try await backend.put("closed/a/b", "x")) == Refusal(.writeFailed, .denied))
            #expect(try await refusal(of: try await backend.contents("closed/file")) == Refusal(.readFailed, .denied))
            #expect(try await refusal(of: try await backend.names("closed")) == Refusal(.lsFailed, .denied))
            #expect(try await refusal(of: try await backend.info("closed/file")) == Refusal(.readFailed, .denied))

            // Its names may be listed but not looked at.
            try fixture.changeMode("closed", to: 0o444)
            let page = try await backend.readdir(
                try WorkspacePath("closed"),
                options: ReaddirOptions(withDetails: true)
            )
            #expect(page.entries == [DirectoryEntry(name: Array("file".utf8))])
            // Its files may be replaced only where it may be changed.
            try fixture.changeMode("closed", to: 0o555)
            #expect(try await refusal(of: try await backend.put("closed/file", "x")) == Refusal(.writeFailed, .denied))
            try fixture.changeMode("closed", to: 0o755)
            #expect(try fixture.contents("closed/file") == "old")
        }
    }

    @Test(arguments: identities)
    func keepsToTheLargestFile(_ identity: HostIdentity?) async throws {
        let limits = LocalFilesystemLimits(maximumFileBytes: 10)
        try await LocalFixture.with(identity, limits: limits) { fixture in
            let backend = fixture.backend
            try await backend.put("file", "0123456789")
            let error = try await failure(of: try await backend.put("file", "0123456789a"))
            #expect(Refusal(error) == Refusal(.writeFailed, .tooLarge))
            #expect(error.limit == LimitDetails(name: "file_bytes", used: 11, allowed: 10))
            let append = WriteOptions(mode: .append)
            let appended = try await failure(of: try await backend.put("file", "a", options: append))
            #expect(Refusal(appended) == Refusal(.writeFailed, .tooLarge))

            let writer = try await backend.openWriter(try WorkspacePath("streamed"), options: WriteOptions())
            try await writer.write(ByteBuffer(string: "01234"))
            let written = try await refusal(of: try await writer.write(ByteBuffer(string: "567890")))
            #expect(written == Refusal(.writeFailed, .tooLarge))
            try await writer.write(ByteBuffer(string: "56789"))
            _ = try await writer.commit()
            #expect(try fixture.contents("file") == "0123456789")
            #expect(try fixture.contents("streamed") == "0123456789")
        }
    }

    @Test func leavesNothingBehindWhenItIsCancelled() async throws {
        try await LocalFixture.with(threadCount: 1) { fixture in
            let path = try WorkspacePath("file")
            for _ in 0..<200 {
                await withTaskGroup { group in
                    group.addTask {
                        _ = try? await fixture.backend.put("file", "contents")
                    }
                    group.addTask {
                        guard let writer = try? await fixture.backend.openWriter(path, options: WriteOptions()) else {
                            return
                        }
                        try? await writer.write(ByteBuffer(string: "contents"))
                        if (try? await writer.commit()) == nil { await writer.abort() }
                    }
                    await Task.yield()
                    group.cancelAll()
                }
            }
            #expect(try fixture.names("").allSatisfy { $0 == "file" })
        }
    }
}
