import AgentBackend
import CLinux
import Glibc
import NIOCore
import Testing

@testable import LocalBackend

@Suite struct RemoveTests {
    @Test(arguments: identities)
    func removesWhatItIsAskedTo(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            let backend = fixture.backend
            for name in ["file", "a/b/c", "a/d", "empty/x"] { try await backend.put(name, "") }
            try #require(mkfifo(fixture.path("a/fifo"), 0o600) == 0)
            try fixture.makeLink("link", to: "a")
            try await backend.remove("empty/x")
            #expect(try await refusal(of: try await backend.remove("a")) == Refusal(.writeFailed, .notEmpty))
            #expect(
                try await refusal(of: try await backend.remove("a", force: true)) == Refusal(.writeFailed, .notEmpty)
            )
            try await backend.remove("link", recursive: true)
            #expect(try fixture.names("") == ["a", "empty", "file"])
            for name in ["file", "empty"] { try await backend.remove(name) }
            try await backend.remove("a", recursive: true)
            #expect(try fixture.names("") == [])
        }
    }

    @Test(arguments: [true, false])
    func saysThatSomethingIsMissingUnlessForced(_ recursive: Bool) async throws {
        try await LocalFixture.with { fixture in
            try fixture.makeFile("file")
            for name in ["nothing", "nothing/below"] {
                let remove = try await refusal(of: try await fixture.backend.remove(name, recursive: recursive))
                #expect(remove == Refusal(.writeFailed, .notFound))
                try await fixture.backend.remove(name, recursive: recursive, force: true)
            }
            let below = try await refusal(
                of: try await fixture.backend.remove("file/below", recursive: recursive, force: true)
            )
            #expect(below == Refusal(.writeFailed, .notDirectory))
            #expect(try fixture.names("") == ["file"])
        }
    }

    @Test func keepsTheRoot() async throws {
        try await LocalFixture.with { fixture in
            try fixture.makeFile("file")
            let scope = try fixture.backend.scope(try WorkspacePath("scope"))
            try await scope.put("file", "")
            for path in ["/workspace", "/", ".", "scope/.."] {
                for backend in [fixture.backend as any Backend, scope] where path != "scope/.." || backend !== scope {
                    let error = try await failure(of: try await backend.remove(path, recursive: true, force: true))
                    #expect(Refusal(error) == Refusal(.writeFailed, .busy))
                    #expect(error.message.contains("root"))
                }
            }
            #expect(try fixture.names("") == ["file", "scope"])
            #expect(try fixture.names("scope") == ["file"])
        }
    }

    /// Deeper than a path is long, than descriptors are there, and than a stack reaches; with branches on the way.
    @Test(arguments: identities)
    func removesADeepTree(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            try fixture.makeDirectory("tree")
            var directory = open(fixture.path("tree"), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            try #require(directory >= 0)
            for depth in 0..<3000 {
                for name in ["deeper", "side", "other"] where name == "deeper" || depth.isMultiple(of: 10) {
                    try #require(mkdirat(directory, name, 0o700) == 0)
                    if let identity {
                        try #require(fchownat(directory, name, identity.uid, identity.gid, 0) == 0)
                    }
                }
                for name in ["side", "other"] where depth.isMultiple(of: 10) {
                    // Below the branches, where several lie too deep at once, and under names that are taken.
                    try #require(mkdirat(directory, name + "/.rm-0", 0o700) == 0)
                    if let identity {
                        try #require(fchownat(directory, name + "/.rm-0", identity.uid, identity.gid, 0) == 0)
                    }
                }
                let next = openat(directory, "deeper", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                close(directory)
                try #require(next >= 0)
                directory = next
            }
            close(directory)
            try await fixture.backend.remove("tree", recursive: true)
            #expect(try fixture.names("") == [])
        }
    }

    /// Wide where it is too deep: a tree of which each path has two ways on.
    @Test func removesATreeThatBranchesDeepDown() async throws {
        try await LocalFixture.with { fixture in
            let trunk = (0..<62).map { "d\($0)" }.joined(separator: "/")
            for leaf in ["a/a/a/f", "a/a/b/f", "a/b/a/f", "b/a/a/f", "b/a/b/f", "b/b/f", "c/c/c/c/f"] {
                try await fixture.backend.put("tree/\(trunk)/\(leaf)", "x")
            }
            try await fixture.backend.remove("tree", recursive: true)
            #expect(try fixture.names("") == [])
        }
    }

    /// As rm(1): everything that may be removed is, and the rest is told of.
    @Test(.enabled(if: isRoot))
    func removesWhatPermissionsAllow() async throws {
        try await LocalFixture.with(identities.last ?? nil) { fixture in
            for name in ["tree", "tree/closed", "tree/empty", "tree/fixed", "tree/fixed/sub"] {
                try fixture.makeDirectory(name)
            }
            for name in ["tree/a", "tree/closed/file", "tree/fixed/file", "tree/fixed/sub/file", "tree/z"] {
                try fixture.makeFile(name, mode: 0)
            }
            try fixture.changeMode("tree/closed", to: 0)
            try fixture.changeMode("tree/empty", to: 0)
            try fixture.changeMode("tree/fixed", to: 0o555)
            let remove = try await refusal(of: try await fixture.backend.remove("tree", recursive: true, force: true))
            #expect(remove == Refusal(.writeFailed, .denied))
            #expect(try fixture.names("tree") == ["closed", "fixed"])
            #expect(try fixture.names("tree/fixed") == ["file", "sub"])
            #expect(try fixture.names("tree/fixed/sub") == [])
            try fixture.changeMode("tree/closed", to: 0o700)
            try fixture.changeMode("tree/fixed", to: 0o700)
            try await fixture.backend.remove("tree", recursive: true)
            #expect(try fixture.names("") == [])
        }
    }

    /// No level of it may be changed: it is not gone into without bound.
    @Test(.enabled(if: isRoot))
    func keepsADeepTreeThatMayNotBeChanged() async throws {
        try await LocalFixture.with(identities.last ?? nil) { fixture in
            let names = (0..<200).map { _ in "d" }
            let paths = names.indices.map { names[...$0].joined(separator: "/") }
            for path in paths { try fixture.makeDirectory(path) }
            for path in paths { try fixture.changeMode(path, to: 0o555) }
            let remove = try await refusal(of: try await fixture.backend.remove("d", recursive: true))
            #expect(remove == Refusal(.writeFailed, .denied))
            // What is deeper than one round goes stays.
            #expect(try fixture.names(paths[100]) == ["d"])
            for path in paths { try fixture.changeMode(path, to: 0o755) }
            try await fixture.backend.remove("d", recursive: true)
            #expect(try fixture.names("") == [])
        }
    }

    @Test func removesWhatAppearsMeanwhile() async throws {
        try await LocalFixture.with { fixture in
            let file = fixture.path("tree/file")
            for _ in 0..<30 {
                try await fixture.backend.put("tree/a/b/c", "x")
                _ = await Opponent.against {
                    close(open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600))
                } _: {
                    try? await fixture.backend.remove("tree", recursive: true)
                }
            }
            try await fixture.backend.remove("tree", recursive: true, force: true)
            #expect(try fixture.names("") == [])
        }
    }
}
