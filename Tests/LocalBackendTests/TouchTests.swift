import AgentBackend
import Glibc
import NIOCore
import Testing

@testable import LocalBackend

@Suite struct TouchTests {
    @Test(arguments: identities)
    func makesAnEmptyFileAndItsParents(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            let info = try await fixture.backend.touchFile("a/b/file")
            #expect(info.kind == .regular)
            #expect(info.size == 0)
            #expect(info.permissions == 0o644)
            #expect(try await fixture.backend.info("a/b/file") == info)
            #expect(fixture.status("a/b/file")?.st_uid == identity?.uid ?? geteuid())
            try fixture.makeLink("dangling", to: "/workspace/c/new")
            #expect(try await fixture.backend.touchFile("dangling").kind == .regular)
            #expect(try fixture.names("c") == ["new"])
        }
    }

    @Test(arguments: identities)
    func setsTheTimeOfWhatIsThereAndNothingElse(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            try fixture.makeFile("file", "contents", mode: 0o640)
            try fixture.makeFile("locked", "contents", mode: 0)
            try fixture.makeDirectory("directory")
            try fixture.makeFile("directory/file")
            try fixture.makeLink("link", to: "file")
            let old = [timespec(tv_sec: 1000, tv_nsec: 0), timespec(tv_sec: 1000, tv_nsec: 0)]
            for path in ["file", "locked", "directory", "link", "/workspace"] {
                let host = path == "/workspace" ? fixture.root : fixture.path(path)
                try #require(utimensat(AT_FDCWD, host, old, 0) == 0)
                let before = try await fixture.backend.info(path)
                var clock = timespec()
                clock_gettime(CLOCK_REALTIME_COARSE, &clock)
                let info = try await fixture.backend.touchFile(path)
                #expect(info.modifiedNanoseconds > clock.nanoseconds, "\(path)")
                #expect(info.size == before.size)
                #expect(info.permissions == before.permissions)
                #expect(info.etag != before.etag || info.etag == nil)
                #expect(try await fixture.backend.info(path) == info)
            }
            #expect(try fixture.contents("file") == "contents")
            #expect(fixture.status("link").map { $0.st_mode & S_IFMT } == S_IFLNK)
        }
    }

    /// Whoever opens these to write waits for somebody at the other end, or has something happen.
    @Test(arguments: identities)
    func waitsForNobody(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            for name in try fixture.makeSpecialFiles() {
                let kind = try await fixture.backend.info(name).kind
                #expect(try await fixture.backend.touchFile(name).kind == kind)
            }
        }
    }

    @Test(.enabled(if: isRoot))
    func keepsToPermissions() async throws {
        try await LocalFixture.with(identities.last ?? nil) { fixture in
            let backend = fixture.backend
            // Root's, for all to write, and for all to read.
            for (name, mode) in [("shared", mode_t(0o666)), ("foreign", 0o644)] {
                try fixture.makeFile(name, mode: mode)
                try #require(chown(fixture.path(name), 0, 0) == 0)
            }
            let before = try await backend.info("shared").modifiedNanoseconds
            #expect(try await backend.touchFile("shared").modifiedNanoseconds >= before)
            #expect(try await refusal(of: try await backend.touchFile("foreign")) == Refusal(.writeFailed, .denied))
            try fixture.makeDirectory("closed", mode: 0o555)
            #expect(try await refusal(of: try await backend.touchFile("closed/new")) == Refusal(.writeFailed, .denied))
            #expect(try fixture.names("closed") == [])
        }
    }

    @Test func saysWhatIsInTheWay() async throws {
        try await LocalFixture.with { fixture in
            try fixture.makeFile("file")
            try fixture.makeLink("loop", to: "loop")
            let backend = fixture.backend
            #expect(
                try await refusal(of: try await backend.touchFile("file/x")) == Refusal(.writeFailed, .notDirectory)
            )
            #expect(try await refusal(of: try await backend.touchFile("loop")) == Refusal(.writeFailed, .loop))
        }
    }

    /// Whoever touches a file while others write it never empties it.
    @Test func overwritesNothing() async throws {
        try await LocalFixture.with { fixture in
            try await withThrowingTaskGroup { group in
                group.addTask {
                    for count in 0..<200 {
                        try await fixture.backend.put("file", "contents")
                        if count.isMultiple(of: 4) { try await fixture.backend.remove("file") }
                    }
                    try await fixture.backend.put("file", "contents")
                }
                group.addTask {
                    for _ in 0..<400 { try await fixture.backend.touchFile("file") }
                }
                try await group.waitForAll()
            }
            #expect(try fixture.contents("file") == "contents")
        }
    }
}
