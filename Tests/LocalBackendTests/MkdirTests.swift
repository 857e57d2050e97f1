import AgentBackend
import Glibc
import Testing

@testable import LocalBackend

@Suite struct MkdirTests {
    @Test(arguments: identities)
    func makesADirectoryAndItsParents(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            let backend = fixture.backend
            try await backend.makeDirectory("a/b/c", MkdirOptions(permissions: 0o750))
            #expect(fixture.mode("a") == 0o755)
            #expect(fixture.mode("a/b") == 0o755)
            #expect(fixture.mode("a/b/c") == 0o750)
            try await backend.put("a/b/c/file", "x")
            // What is there stays as it is, a link to it too.
            try await backend.makeDirectory("a/b/c", MkdirOptions(permissions: 0o700))
            try await backend.makeDirectory("/workspace")
            try fixture.makeLink("link", to: "/workspace/a/b")
            try await backend.makeDirectory("link")
            try await backend.makeDirectory("link/d/e")
            #expect(fixture.mode("a/b/c") == 0o750)
            #expect(try fixture.names("a/b") == ["c", "d"])
            for path in ["a", "a/b", "a/b/c", "a/b/d/e"] {
                #expect(fixture.status(path)?.st_uid == identity?.uid ?? geteuid())
            }
        }
    }

    @Test(arguments: identities)
    func makesOneAlone(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            let alone = MkdirOptions(recursive: false, permissions: 0o711)
            let backend = fixture.backend
            try await backend.makeDirectory("a", alone)
            #expect(fixture.mode("a") == 0o711)
            try fixture.makeFile("file")
            try fixture.makeLink("link", to: "nothing")
            for path in ["a", "file", "link", "/workspace"] {
                let again = try await refusal(of: try await backend.makeDirectory(path, alone))
                #expect(again == Refusal(.writeFailed, .exists), "\(path)")
            }
            let below = try await refusal(of: try await backend.makeDirectory("b/c", alone))
            #expect(below == Refusal(.writeFailed, .notFound))
            let belowFile = try await refusal(of: try await backend.makeDirectory("file/c", alone))
            #expect(belowFile == Refusal(.writeFailed, .notDirectory))
            #expect(try fixture.names("") == ["a", "file", "link"])
        }
    }

    @Test(arguments: identities)
    func saysWhatIsInTheWay(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            try fixture.makeFile("file")
            try #require(mkfifo(fixture.path("fifo"), 0o666) == 0)
            try fixture.makeLink("dangling", to: "nothing")
            try fixture.makeLink("loop", to: "loop")
            for (path, reason) in [
                ("file", BackendError.Reason.exists), ("fifo", .exists), ("dangling", .exists),
                ("file/a", .notDirectory), ("file/a/b", .notDirectory), ("fifo/a", .notDirectory),
                ("dangling/a", .notDirectory), ("loop/a", .loop),
            ] {
                let made = try await refusal(of: try await fixture.backend.makeDirectory(path))
                #expect(made == Refusal(.writeFailed, reason), "\(path)")
            }
            #expect(try fixture.names("") == ["dangling", "fifo", "file", "loop"])
        }
    }

    /// All permission bits, and none, whatever the mask of the process takes from files that are made.
    @Test(arguments: identities)
    func givesThePermissionsThatWereAskedFor(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            for (number, permissions) in [mode_t(0o777), 0o1777, 0o555, 0o000, 0o333].enumerated() {
                for recursive in [true, false] {
                    let name = "\(number) \(recursive)"
                    let options = MkdirOptions(recursive: recursive, permissions: permissions)
                    try await fixture.backend.makeDirectory(name, options)
                    #expect(fixture.mode(name) == permissions)
                }
            }
            try await fixture.backend.makeDirectory("parent/child")
            #expect(fixture.mode("parent") == 0o755)
            // What is made in a directory of a group is that group's.
            try fixture.makeDirectory("group", mode: 0o2755)
            try await fixture.backend.makeDirectory("group/child")
            #expect(fixture.mode("group/child") == 0o2755)
        }
    }

    @Test(arguments: identities)
    func isMadeOnceByManyAtOnce(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            let alone = MkdirOptions(recursive: false)
            let made = await withTaskGroup(of: Bool.self, returning: Int.self) { group in
                for _ in 0..<16 {
                    group.addTask { (try? await fixture.backend.makeDirectory("alone", alone)) != nil }
                    group.addTask {
                        do {
                            try await fixture.backend.makeDirectory("a/b/c/d")
                        } catch {
                            Issue.record(error)
                        }
                        return false
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(made == 1)
            let names = try fixture.names("a/b/c")
            #expect(names == ["d"])
        }
    }

    /// Whoever removes what was just made does not fail who makes it.
    @Test func survivesThatItsParentsAreRemoved() async throws {
        try await LocalFixture.with { fixture in
            let (outer, inner) = (fixture.path("a"), fixture.path("a/b"))
            try await Opponent.against {
                rmdir(inner)
                rmdir(outer)
            } _: {
                for _ in 0..<200 {
                    do {
                        try await fixture.backend.makeDirectory("a/b/c")
                        try await fixture.backend.remove("a/b/c")
                        try await fixture.backend.put("a/b/file", "x")
                        try await fixture.backend.remove("a/b/file")
                    } catch let error as BackendError where error.reason == .busy {
                        continue
                    }
                }
            }
        }
    }
}
