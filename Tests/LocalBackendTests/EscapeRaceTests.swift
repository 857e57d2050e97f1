import AgentBackend
import CLinux
import Foundation
import Glibc
import NIOCore
import Synchronization
import Testing

@testable import LocalBackend

/// Attacks that swap something while an operation goes on. Each is tried on a backend that resolves paths before it
/// uses them until it has escaped, and then as often on ours, within bounds. ``LocalFixture/with`` checks that nothing
/// outside was changed.
@Suite(.serialized) struct EscapeRaceTests {
    private static let mostTries = 3_000_000
    static let leastTries = 1_000
    /// However hard the attack was: an operation on our backend takes longer than one without any checks.
    private static let mostOwnTries = 5_000

    /// How often it had to be tried until it went wrong.
    static func triesUntil(_ escaped: () throws -> Bool) rethrows -> Int {
        for count in 1...mostTries where try escaped() {
            return min(max(count, leastTries), mostOwnTries)
        }
        Issue.record("the attack never works: the test proves nothing")
        return 0
    }

    /// Two names that change places: a directory of the workspace and a link to the one outside.
    static func exchange(_ first: String, _ second: String) {
        _ = linux_rename_exchange(AT_FDCWD, first, AT_FDCWD, second)
    }

    @Test(arguments: identities)
    func readsNothingOutsideWhileADirectoryIsSwapped(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            try fixture.makeDirectory("directory")
            try fixture.makeFile("directory/secret", "own")
            try fixture.makeLink("link", to: fixture.outside)
            let (directory, link) = (fixture.path("directory"), fixture.path("link"))
            try await Opponent.against {
                Self.exchange(directory, link)
            } _: {
                let naive = NaiveBackend(root: fixture.root, check: .resolved)
                let tries = Self.triesUntil { naive.read("directory/secret") == LocalFixture.secret }
                let path = try WorkspacePath("directory/secret")
                var read = 0
                for _ in 0..<tries {
                    let answer =
                        if case .done((_, let bytes)) = fixture.backend.tryRead(path, range: .all, maximum: 4096) {
                            String(buffer: bytes)
                        } else {
                            try? await fixture.backend.contents("directory/secret")
                        }
                    #expect(answer == "own" || answer == nil)
                    if answer != nil { read += 1 }
                }
                #expect(read > 0)
            }
        }
    }

    @Test(arguments: identities)
    func listsNothingOutsideWhileADirectoryIsSwapped(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            try fixture.makeDirectory("directory")
            try fixture.makeFile("directory/own", "own")
            try fixture.makeLink("link", to: fixture.outside)
            let (directory, link) = (fixture.path("directory"), fixture.path("link"))
            await Opponent.against {
                Self.exchange(directory, link)
            } _: {
                let naive = NaiveBackend(root: fixture.root, check: .resolved)
                for _ in 0..<Self.triesUntil({ naive.names("directory").contains("secret") }) {
                    let names = try? await fixture.backend.names("directory")
                    #expect(names == ["own"] || names == nil)
                }
            }
        }
    }

    @Test(arguments: identities)
    func writesNothingOutsideWhileADirectoryIsSwapped(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            try fixture.makeDirectory("directory")
            try fixture.makeFile("directory/file", "own")
            try fixture.makeLink("link", to: fixture.outside)
            let (directory, link) = (fixture.path("directory"), fixture.path("link"))
            let escaped = fixture.outside + "/file"
            try fixture.makeFile(absolute: escaped, "")
            try await Opponent.against {
                Self.exchange(directory, link)
            } _: {
                let naive = NaiveBackend(root: fixture.root, check: .resolved)
                let tries = try Self.triesUntil {
                    naive.write("directory/file", "escaped")
                    return try fixture.contents(absolute: escaped) == "escaped"
                }
                try #require(unlink(escaped) == 0)
                for count in 0..<tries {
                    let mode: WriteOptions.Mode = count.isMultiple(of: 2) ? .replace : .append
                    _ = try? await fixture.backend.put("directory/file", "own", options: WriteOptions(mode: mode))
                }
            }
        }
    }

    @Test(arguments: identities)
    func removesNothingOutsideWhileADirectoryIsSwapped(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            try fixture.makeDirectory("tree")
            try fixture.makeDirectory("tree/directory")
            try fixture.makeLink("link", to: fixture.outside)
            let (directory, link) = (fixture.path("tree/directory"), fixture.path("link"))
            let secret = fixture.outside + "/secret"
            // Puts back what was removed: a directory to go into, or a link to fall for.
            try await Opponent.against {
                mkdir(fixture.path("tree"), 0o777)
                chmod(fixture.path("tree"), 0o777)
                mkdir(directory, 0o777)
                rmdir(link)
                symlink(fixture.outside, link)
                for _ in 0..<50 { Self.exchange(directory, link) }
            } _: {
                let naive = NaiveBackend(root: fixture.root, check: .resolved)
                let tries = Self.triesUntil {
                    naive.removeTree("tree")
                    return access(secret, F_OK) != 0
                }
                try fixture.makeFile(absolute: secret, LocalFixture.secret)
                for _ in 0..<tries { try? await fixture.backend.remove("tree", recursive: true) }
            }
        }
    }

    /// A directory full of files, or a link, takes the place of the file that a write replaces. It comes to no harm.
    @Test(arguments: identities)
    func losesNothingThatIsSwappedInWhileAWriteCommits(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            try fixture.makeFile("file", "own")
            try fixture.makeDirectory("directory")
            try fixture.makeFile("directory/kept", "kept")
            try fixture.makeLink("link", to: fixture.outside + "/secret")
            let (file, directory, link) = (fixture.path("file"), fixture.path("directory"), fixture.path("link"))
            let round = Atomic<Int>(0)
            var outcomes: Set<String> = []
            try await Opponent.against {
                switch round.add(1, ordering: .relaxed).newValue % 5 {
                case 0, 1: Self.exchange(file, directory)
                case 2, 3: Self.exchange(file, link)
                // A directory stays, whatever else is removed.
                default: unlink(file)
                }
            } _: {
                for _ in 0..<4 * Self.leastTries {
                    do {
                        try await fixture.backend.put("file", "new")
                        outcomes.insert("written")
                    } catch let error as BackendError {
                        outcomes.insert("\(Refusal(error))")
                    }
                }
            }
            #expect(outcomes.contains("written"))
            #expect(outcomes.count > 1, "nothing was ever in the way: the test proves nothing")
            let places = try fixture.names("").filter { name in
                (try? fixture.contents(name + "/kept")) == "kept"
            }
            #expect(places.count == 1)
            // Whoever replaced a link by a file wrote through none; whoever saw one refused it.
            let expected: Set = [
                "written", "PATH_ESCAPE_ATTEMPT", "WRITE_FAILED (IS_DIRECTORY)", "WRITE_FAILED (LOOP)",
                "WRITE_FAILED (BUSY)",
            ]
            #expect(outcomes.isSubset(of: expected))
        }
    }

    /// A link that stays inside changes places with one that does not.
    @Test(arguments: identities)
    func resolvesNoLinkThatChangesOnTheWay(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            try fixture.makeDirectory("inside")
            try fixture.makeFile("inside/secret", "own")
            try fixture.makeLink("link", to: "/workspace/inside")
            try fixture.makeLink("bad", to: fixture.outside)
            let (link, bad) = (fixture.path("link"), fixture.path("bad"))
            await Opponent.against {
                Self.exchange(link, bad)
            } _: {
                var read = 0
                for _ in 0..<Self.leastTries {
                    let contents = try? await fixture.backend.contents("link/secret")
                    #expect(contents == "own" || contents == nil)
                    if contents != nil { read += 1 }
                    _ = try? await fixture.backend.put("link/secret", "own")
                }
                #expect(read > 0)
            }
        }
    }
}
