import AgentBackend
import Glibc
import NIOCore
import Testing

@testable import LocalBackend

/// Attacks with links that were planted before. Each is shown to work on a backend that checks the text of paths.
/// ``LocalFixture/with`` checks besides that nothing outside was written or removed.
@Suite struct EscapeTests {
    private static let escape = Refusal(.pathEscapeAttempt)

    @Test(arguments: identities)
    func readsNothingThroughALinkThatLeadsOutside(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            try fixture.makeLink("absolute", to: fixture.outside + "/secret")
            try fixture.makeLink("relative", to: "../outside/secret")
            try fixture.makeLink("chained", to: "relative")
            try fixture.makeLink("through", to: "/workspace/../outside/secret")
            for link in ["absolute", "relative", "chained"] {
                #expect(NaiveBackend(root: fixture.root, check: .text).read(link) == LocalFixture.secret)
            }
            for link in ["absolute", "relative", "chained", "through"] {
                let path = try WorkspacePath(link)
                #expect(try await refusal(of: try await fixture.backend.contents(link)) == Self.escape)
                #expect(try await refusal(of: try await fixture.backend.info(link)) == Self.escape)
                if case .done = fixture.backend.tryRead(path, range: .all, maximum: 4096) { Issue.record("\(link)") }
                if case .done = fixture.backend.tryStat(path, followLink: true) { Issue.record("\(link)") }
                #expect(try await fixture.backend.info(link, followLink: false).kind == .symbolicLink)
            }
        }
    }

    @Test(arguments: identities, [WriteOptions.Mode.replace, .append])
    func writesNothingThroughALinkThatLeadsOutside(_ identity: HostIdentity?, mode: WriteOptions.Mode) async throws {
        try await LocalFixture.with(identity) { fixture in
            try fixture.makeLink("link", to: "../outside/secret")
            try fixture.makeLink("new", to: "../outside/new")
            let naive = NaiveBackend(root: fixture.root, check: .text)
            naive.write("link", "overwritten")
            #expect(try fixture.contents(absolute: fixture.outside + "/secret") == "overwritten")
            naive.write("link", LocalFixture.secret)

            for link in ["link", "new"] {
                let write = try await refusal(
                    of: try await fixture.backend.put(link, "overwritten", options: WriteOptions(mode: mode))
                )
                #expect(write == Self.escape)
            }
        }
    }

    @Test(arguments: identities)
    func goesThroughNoDirectoryThatIsALinkOutside(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            try fixture.makeLink("directory", to: fixture.outside)
            let naive = NaiveBackend(root: fixture.root, check: .text)
            #expect(naive.read("directory/secret") == LocalFixture.secret)
            #expect(naive.names("directory") == ["secret"])

            let backend = fixture.backend
            #expect(try await refusal(of: try await backend.contents("directory/secret")) == Self.escape)
            #expect(try await refusal(of: try await backend.info("directory/secret")) == Self.escape)
            #expect(try await refusal(of: try await backend.put("directory/new", "x")) == Self.escape)
            #expect(try await refusal(of: try await backend.put("directory/a/b/new", "x")) == Self.escape)
            #expect(try await refusal(of: try await backend.remove("directory/secret")) == Self.escape)
            #expect(try await refusal(of: try await backend.names("directory")) == Self.escape)
            #expect(try await refusal(of: try await backend.names("directory/")) == Self.escape)
            let scope = try backend.scope(try WorkspacePath("directory"))
            #expect(try await refusal(of: try await scope.contents("secret")) == Self.escape)
            let deeper = try backend.scope(try WorkspacePath("directory/new"))
            #expect(try await refusal(of: try await deeper.put("file", "x")) == Self.escape)
        }
    }

    @Test(arguments: identities)
    func followsNoMagicLink(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            let secret = fixture.outside + "/secret"
            // In a file system of links that need no text to lead somewhere: it lies outside, so it is not even reached.
            try fixture.makeLink("root", to: "/proc/self/root")
            try fixture.makeLink("file", to: "/proc/self/root" + secret)
            try fixture.makeLink("self", to: "/proc/thread-self/cwd/../root")
            let naive = NaiveBackend(root: fixture.root, check: .text)
            #expect(naive.read("file") == LocalFixture.secret)
            #expect(naive.read("root" + secret) == LocalFixture.secret)

            for path in ["file", "root" + secret, "self" + secret] {
                #expect(try await refusal(of: try await fixture.backend.contents(path)) == Self.escape)
            }
        }
    }

    /// With /proc in the workspace itself, where the text of a path says nothing at all.
    @Test(.enabled(if: LocalFixture.canMount), arguments: identities)
    func followsNoMagicLinkInside(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            try fixture.makeDirectory("proc")
            try #require(mount("proc", fixture.path("proc"), "proc", UInt(MS_NOSUID), nil) == 0)
            defer { umount2(fixture.path("proc"), Int32(MNT_DETACH)) }
            let held = open(fixture.outside + "/secret", O_RDONLY | O_CLOEXEC)
            try #require(held >= 0)
            defer { close(held) }
            let paths = ["proc/\(getpid())/root\(fixture.outside)/secret", "proc/\(getpid())/fd/\(held)"]
            for path in paths {
                #expect(NaiveBackend(root: fixture.root, check: .text).read(path) == LocalFixture.secret)
                let error = try await failure(of: try await fixture.backend.contents(path))
                #expect(["LOOP", "DENIED"].contains(error.reason?.description), "\(error)")
            }
        }
    }

    @Test func climbsNowhere() async throws {
        try await LocalFixture.with { fixture in
            let climbing = ["../outside/secret", "a/../../outside/secret", "/workspace/../outside/secret"]
            try fixture.makeDirectory("a")
            #expect(NaiveBackend(root: fixture.root, check: .text).read(climbing[0]) == LocalFixture.secret)
            #expect(NaiveBackend(root: fixture.root, check: .text).read(climbing[1]) == LocalFixture.secret)
            for path in climbing {
                let error = try await failure(of: try await fixture.backend.contents(path))
                #expect(Refusal(error) == Self.escape)
                #expect(error.message.contains(path), "\(error)")
            }
            // As the other paths of the host it is a name in the workspace.
            #expect(
                try await refusal(of: try await fixture.backend.contents(fixture.outside + "/secret"))
                    == Refusal(.readFailed, .notFound)
            )
        }
    }

    @Test(arguments: identities)
    func removesALinkAndNotWhatItLeadsTo(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            let naive = NaiveBackend(root: fixture.root, check: .text)
            try fixture.makeDirectory("tree")
            try fixture.makeLink("tree/outside", to: "../../outside")
            naive.removeTree("tree")
            #expect(try fixture.names(absolute: fixture.outside) == [])
            try await fixture.backend.remove("tree", recursive: true)
            try fixture.makeFile(absolute: fixture.outside + "/secret", LocalFixture.secret)

            try fixture.makeDirectory("again")
            try fixture.makeDirectory("again/deep")
            for name in ["link", "again/link", "again/deep/link"] { try fixture.makeLink(name, to: fixture.outside) }
            try fixture.makeLink("again/file", to: fixture.outside + "/secret")
            try await fixture.backend.remove("link", recursive: true)
            try await fixture.backend.remove("again", recursive: true)
            #expect(try fixture.names("") == [])
        }
    }

    /// Every level keeps to its own root, also where the one above would allow it.
    @Test(arguments: identities)
    func confinesEachScopeAtItsOwnRoot(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            try await fixture.backend.put("entry", "of the entry")
            try await fixture.backend.put("outer/file", "of the outer scope")
            try await fixture.backend.put("outer/inner/own", "own")
            let outer = try fixture.backend.scope(try WorkspacePath("outer"))
            let inner = try outer.scope(try WorkspacePath("inner"))
            #expect(try await inner.contents("/workspace/own") == "own")

            try fixture.makeLink("outer/up", to: "../entry")
            try fixture.makeLink("outer/inner/up", to: "../file")
            try fixture.makeLink("outer/inner/directory", to: "..")
            try fixture.makeLink("outer/inner/stays", to: "../inner/own")
            #expect(try await fixture.backend.contents("outer/up") == "of the entry")
            #expect(try await refusal(of: try await outer.contents("up")) == Self.escape)
            #expect(try await outer.contents("inner/up") == "of the outer scope")
            #expect(try await refusal(of: try await inner.contents("up")) == Self.escape)
            #expect(try await refusal(of: try await inner.contents("directory/file")) == Self.escape)
            #expect(try await refusal(of: try await inner.put("up", "x")) == Self.escape)
            #expect(try await refusal(of: try await inner.names("directory")) == Self.escape)
            // It leaves the scope on its way, so it is an escape although it comes back.
            #expect(try await refusal(of: try await inner.contents("stays")) == Self.escape)
            #expect(try await refusal(of: try await inner.contents("../file")) == Self.escape)
            #expect(try await refusal(of: try await outer.contents("inner/../../entry")) == Self.escape)
        }
    }
}
