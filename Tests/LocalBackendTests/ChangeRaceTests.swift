import AgentBackend
import Glibc
import NIOCore
import Testing

@testable import LocalBackend

/// Attacks that swap something while something is made, renamed or copied; as ``EscapeRaceTests``.
@Suite(.serialized) struct ChangeRaceTests {
    private static let tree = CopyOptions(recursive: true)
    /// Of several operations each.
    private static let mostTries = 500

    /// Tries an attack until it has worked.
    private static func untilItWorks(_ escaped: () throws -> Bool) rethrows -> Int {
        min(try EscapeRaceTests.triesUntil(escaped), mostTries)
    }

    /// Runs `body` while a directory of the workspace with a file "secret" of its own and a link to the one outside
    /// change places.
    private static func swapping(
        _ identity: HostIdentity?,
        _ directory: String,
        _ body: (LocalFixture, NaiveBackend) async throws -> Void
    ) async throws {
        try await LocalFixture.with(identity) { fixture in
            try await fixture.backend.put("\(directory)/secret", "own")
            try fixture.makeLink("link", to: fixture.outside)
            let (first, second) = (fixture.path(directory), fixture.path("link"))
            try await Opponent.against {
                // An even number of times, so that in the end each is what it was.
                for _ in 0..<10 { EscapeRaceTests.exchange(first, second) }
            } _: {
                try await body(fixture, NaiveBackend(root: fixture.root, check: .resolved))
            }
        }
    }

    @Test(arguments: identities)
    func makesNothingOutside(_ identity: HostIdentity?) async throws {
        try await Self.swapping(identity, "directory") { fixture, naive in
            let escaped = fixture.outside + "/new"
            let tries = Self.untilItWorks {
                naive.makeDirectory("directory/new")
                naive.touch("directory/new/touched")
                rmdir(fixture.path("directory/new"))
                return access(escaped, F_OK) == 0
            }
            unlink(escaped + "/touched")
            try #require(rmdir(escaped) == 0)
            for _ in 0..<tries {
                try? await fixture.backend.makeDirectory("directory/new")
                try? await fixture.backend.makeDirectory("directory/alone", MkdirOptions(recursive: false))
                _ = try? await fixture.backend.touchFile("directory/touched")
                for name in ["new", "alone", "touched"] { try? await fixture.backend.remove("directory/\(name)") }
            }
        }
    }

    @Test(arguments: identities)
    func renamesNothingOutside(_ identity: HostIdentity?) async throws {
        try await Self.swapping(identity, "directory") { fixture, naive in
            let secret = fixture.outside + "/secret"
            let tries = Self.untilItWorks {
                naive.rename("directory/secret", to: "taken")
                if access(secret, F_OK) != 0 { return true }
                naive.rename("taken", to: "directory/secret")
                return access(secret, F_OK) != 0
            }
            unlink(secret)
            try fixture.makeFile(absolute: secret, LocalFixture.secret)
            unlink(fixture.path("taken"))
            for count in 0..<tries {
                let name = "file \(count)"
                _ = try? await fixture.backend.put("directory/\(name)", "own")
                try? await fixture.backend.move("directory/\(name)", to: "out")
                try? await fixture.backend.move("out", to: "directory/in", RenameOptions(replacesExisting: false))
                try? await fixture.backend.move("directory/secret", to: "taken")
                if let taken = try? fixture.contents("taken") {
                    try #require(taken != LocalFixture.secret)
                    try? await fixture.backend.move("taken", to: "directory/secret")
                }
                for path in ["directory/in", "directory/\(name)", "out"] { try? await fixture.backend.remove(path) }
            }
        }
    }

    @Test(arguments: identities)
    func copiesNothingFromOutsideOrTo(_ identity: HostIdentity?) async throws {
        try await Self.swapping(identity, "directory") { fixture, naive in
            let escaped = fixture.outside + "/copy"
            try fixture.makeFile("own", "own")
            let tries = Self.untilItWorks {
                naive.copy("own", to: "directory/copy")
                return access(escaped, F_OK) == 0
            }
            try #require(unlink(escaped) == 0)
            for _ in 0..<tries {
                _ = try? await fixture.backend.duplicate("own", to: "directory/copy")
                if (try? await fixture.backend.duplicate("directory/secret", to: "stolen")) != nil {
                    #expect(try fixture.contents("stolen") == "own")
                }
            }
        }
    }

    /// What is swapped lies in the tree.
    @Test(arguments: identities)
    func copiesNoTreeFromOutside(_ identity: HostIdentity?) async throws {
        try await Self.swapping(identity, "tree/directory") { fixture, naive in
            func isStolen(_ copy: String) -> Bool {
                (try? fixture.contents("\(copy)/directory/secret")) == LocalFixture.secret
            }
            let tries = Self.untilItWorks {
                naive.copyTree("tree", to: "stolen")
                return isStolen("stolen")
            }
            for _ in 0..<tries {
                _ = try? await fixture.backend.duplicate("tree", to: "copy", Self.tree)
                // A link that was copied as such leads there too.
                let isDirectory = fixture.status("copy/directory").map { $0.st_mode & S_IFMT == S_IFDIR } ?? false
                #expect(!isDirectory || !isStolen("copy"))
                try await fixture.backend.remove("copy", recursive: true, force: true)
            }
        }
    }

    /// What is swapped lies in the directory that is copied into.
    @Test(arguments: identities)
    func copiesNoTreeOutside(_ identity: HostIdentity?) async throws {
        try await Self.swapping(identity, "into/directory") { fixture, naive in
            let escaped = fixture.outside + "/copy"
            for name in ["tree", "tree/directory", "tree/directory/sub"] { try fixture.makeDirectory(name) }
            for name in ["copy", "sub/copy"] { try fixture.makeFile("tree/directory/\(name)", "own") }
            let tries = Self.untilItWorks {
                naive.copyTree("tree", to: "into")
                return access(escaped, F_OK) == 0
            }
            for name in ["/copy", "/sub/copy", "/sub"] { remove(fixture.outside + name) }
            for _ in 0..<tries {
                _ = try? await fixture.backend.duplicate("tree", to: "into", Self.tree)
            }
        }
    }
}
