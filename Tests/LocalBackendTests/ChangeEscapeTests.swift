import AgentBackend
import Glibc
import NIOCore
import Testing

@testable import LocalBackend

/// Attacks with links that were planted before, on what makes, renames and copies. Each is shown to work on a backend
/// that checks the text of paths.
@Suite struct ChangeEscapeTests {
    private static let escape = Refusal(.pathEscapeAttempt)
    private static let tree = CopyOptions(recursive: true)

    @Test(arguments: identities)
    func goThroughNoDirectoryThatIsALinkOutside(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            try fixture.makeLink("directory", to: fixture.outside)
            try fixture.makeLink("deep", to: "../outside")
            try fixture.makeFile("file", "own")
            try fixture.makeDirectory("tree")
            try fixture.makeFile("tree/file", "own")
            let naive = NaiveBackend(root: fixture.root, check: .text)
            naive.makeDirectory("directory/made")
            naive.touch("directory/touched")
            naive.copy("file", to: "directory/copied")
            naive.copyTree("tree", to: "directory/tree")
            naive.rename("directory/secret", to: "stolen")
            #expect(try fixture.names(absolute: fixture.outside) == ["copied", "made", "touched", "tree"])
            #expect(try fixture.contents("stolen") == LocalFixture.secret)
            naive.rename("stolen", to: "directory/secret")
            for name in ["copied", "made", "touched", "tree/file", "tree"] {
                try #require(remove(fixture.outside + "/" + name) == 0)
            }

            let backend = fixture.backend
            for directory in ["directory", "deep"] {
                for path in ["\(directory)/new", "\(directory)/a/b"] {
                    for recursive in [true, false] where recursive || path.hasSuffix("new") {
                        let options = MkdirOptions(recursive: recursive)
                        let made = try await refusal(of: try await backend.makeDirectory(path, options))
                        #expect(made == Self.escape, "\(path)")
                    }
                    #expect(try await refusal(of: try await backend.touchFile(path)) == Self.escape)
                    #expect(try await refusal(of: try await backend.move("file", to: path)) == Self.escape)
                    #expect(try await refusal(of: try await backend.duplicate("file", to: path)) == Self.escape)
                    #expect(
                        try await refusal(of: try await backend.duplicate("tree", to: path, Self.tree)) == Self.escape
                    )
                }
                let secret = "\(directory)/secret"
                #expect(try await refusal(of: try await backend.touchFile(secret)) == Self.escape)
                #expect(try await refusal(of: try await backend.move(secret, to: "stolen")) == Self.escape)
                #expect(try await refusal(of: try await backend.move("file", to: secret)) == Self.escape)
                #expect(try await refusal(of: try await backend.duplicate(secret, to: "stolen")) == Self.escape)
                #expect(try await refusal(of: try await backend.duplicate("file", to: secret)) == Self.escape)
                let scope = fixture.backend.scoped(try WorkspacePath("\(directory)/scope"))
                #expect(try await refusal(of: try await scope.touchFile("x")) == Self.escape)
                #expect(try await refusal(of: try await scope.makeDirectory("x")) == Self.escape)
            }
            // Of two paths the one that leads outside is named.
            let error = try await failure(of: try await backend.move("file", to: "deep/x"))
            #expect(error.message.contains("deep/x"))
            #expect(try fixture.names("") == ["deep", "directory", "file", "tree"])
        }
    }

    @Test(arguments: identities)
    func takeNoLinkForWhatItLeadsTo(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            let backend = fixture.backend
            try fixture.makeFile("file", "own")
            try fixture.makeDirectory("tree")
            try fixture.makeFile("tree/file", "own")
            try fixture.makeLink("secret", to: "../outside/secret")
            try fixture.makeLink("new", to: "../outside/new")
            try fixture.makeLink("directory", to: "../outside")
            var before = stat()
            try #require(stat(fixture.outside + "/secret", &before) == 0)
            let naive = NaiveBackend(root: fixture.root, check: .text)
            naive.touch("new")
            naive.copy("secret", to: "stolen")
            #expect(try fixture.names(absolute: fixture.outside) == ["new", "secret"])
            #expect(try fixture.contents("stolen") == LocalFixture.secret)
            try #require(remove(fixture.outside + "/new") == 0)
            try #require(remove(fixture.path("stolen")) == 0)

            for link in ["secret", "new"] {
                #expect(try await refusal(of: try await backend.touchFile(link)) == Self.escape)
                #expect(try await refusal(of: try await backend.duplicate("file", to: link)) == Self.escape)
                #expect(try await refusal(of: try await backend.duplicate(link, to: "stolen")) == Self.escape)
                #expect(
                    try await refusal(of: try await backend.duplicate(link, to: "stolen", Self.tree)) == Self.escape
                )
            }
            #expect(try await refusal(of: try await backend.touchFile("directory")) == Self.escape)
            #expect(try await refusal(of: try await backend.makeDirectory("directory")) == Self.escape)
            #expect(try await refusal(of: try await backend.makeDirectory("new")) == Self.escape)
            let alone = try await refusal(of: try await backend.makeDirectory("new", MkdirOptions(recursive: false)))
            #expect(alone == Refusal(.writeFailed, .exists))
            for (from, to) in [("directory", "stolen"), ("tree", "directory"), ("tree", "new")] {
                let copy = try await refusal(of: try await backend.duplicate(from, to: to, Self.tree))
                #expect(copy == Self.escape, "\(from) \(to)")
            }
            var after = stat()
            try #require(stat(fixture.outside + "/secret", &after) == 0)
            #expect(after.st_mtim.nanoseconds == before.st_mtim.nanoseconds)
            #expect(after.st_ctim.nanoseconds == before.st_ctim.nanoseconds)
            #expect(try fixture.names("") == ["directory", "file", "new", "secret", "tree"])
        }
    }

    /// Neither those of a tree that is copied nor those in the one that is copied into.
    @Test(arguments: identities)
    func followNoLinkInATree(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            for name in ["tree", "tree/sub", "into"] { try fixture.makeDirectory(name) }
            for name in ["tree/secret", "tree/new", "tree/sub/secret"] { try fixture.makeFile(name, "own") }
            try fixture.makeLink("tree/out", to: fixture.outside)
            try fixture.makeLink("tree/file", to: "../../outside/secret")
            try fixture.makeLink("into/secret", to: "../../outside/secret")
            try fixture.makeLink("into/new", to: "../../outside/new")
            try fixture.makeLink("into/sub", to: fixture.outside)
            let error = try await failure(of: try await fixture.backend.duplicate("tree", to: "into", Self.tree))
            #expect(Refusal(error) == Refusal(.writeFailed, .notDirectory))
            #expect(error.message.contains("/workspace/tree/sub:"))
            for name in ["out", "file", "sub"] {
                #expect(fixture.status("into/\(name)").map { $0.st_mode & S_IFMT } == S_IFLNK)
            }
            for name in ["secret", "new"] {
                #expect(fixture.status("into/\(name)").map { $0.st_mode & S_IFMT } == S_IFREG)
                #expect(try fixture.contents("into/\(name)") == "own")
            }
        }
    }

    /// With /proc in the workspace itself.
    @Test(.enabled(if: LocalFixture.canMount), arguments: identities)
    func followNoMagicLink(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            try fixture.makeDirectory("proc")
            try fixture.makeFile("file", "own")
            try #require(mount("proc", fixture.path("proc"), "proc", UInt(MS_NOSUID), nil) == 0)
            defer { umount2(fixture.path("proc"), Int32(MNT_DETACH)) }
            let held = open(fixture.outside, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            try #require(held >= 0)
            defer { close(held) }
            let process = "proc/\(getpid())"
            try fixture.makeLink("link", to: "\(process)/root")
            let naive = NaiveBackend(root: fixture.root, check: .text)
            naive.touch("\(process)/fd/\(held)/touched")
            #expect(try fixture.names(absolute: fixture.outside) == ["secret", "touched"])
            try #require(remove(fixture.outside + "/touched") == 0)

            let backend = fixture.backend
            for directory in ["\(process)/fd/\(held)", "\(process)/root\(fixture.outside)", "link\(fixture.outside)"] {
                let refusals = [
                    try await refusal(of: try await backend.touchFile("\(directory)/secret")),
                    try await refusal(of: try await backend.touchFile("\(directory)/new")),
                    try await refusal(of: try await backend.makeDirectory("\(directory)/new")),
                    try await refusal(of: try await backend.move("file", to: "\(directory)/new")),
                    try await refusal(of: try await backend.move("\(directory)/secret", to: "stolen")),
                    try await refusal(of: try await backend.duplicate("file", to: "\(directory)/new")),
                    try await refusal(of: try await backend.duplicate("\(directory)/secret", to: "stolen")),
                    try await refusal(of: try await backend.duplicate(directory, to: "stolen", Self.tree)),
                ]
                for refusal in refusals {
                    #expect(["LOOP", "DENIED"].contains(refusal.reason?.description), "\(directory) \(refusal)")
                }
            }
            #expect(try fixture.names("") == ["file", "link", "proc"])
        }
    }

    @Test(arguments: identities)
    func keepToTheScope(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            try await fixture.backend.put("file", "of the entry")
            try await fixture.backend.put("scope/own", "own")
            try fixture.makeLink("scope/up", to: "../file")
            try fixture.makeLink("scope/directory", to: "..")
            let scope = try fixture.backend.scope(try WorkspacePath("scope"))
            for (path, destination) in [
                ("up", "copy"), ("own", "up"), ("directory/file", "copy"), ("own", "directory/x"),
            ] {
                #expect(try await refusal(of: try await scope.duplicate(path, to: destination)) == Self.escape)
            }
            for (path, destination) in [("directory/file", "moved"), ("own", "directory/moved")] {
                #expect(try await refusal(of: try await scope.move(path, to: destination)) == Self.escape)
            }
            #expect(try await refusal(of: try await scope.touchFile("up")) == Self.escape)
            #expect(try await refusal(of: try await scope.makeDirectory("directory/x")) == Self.escape)
            // The same paths lead somewhere for whom the scope is in.
            try await fixture.backend.duplicate("scope/up", to: "scope/copy")
            #expect(try await scope.contents("copy") == "of the entry")
            #expect(try fixture.names("") == ["file", "scope"])
        }
    }
}
