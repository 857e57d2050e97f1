import AgentBackend
import Foundation
import Glibc
import Testing

@testable import LocalBackend

@Suite(.serialized) struct SymlinkTests {
    private func text(_ path: String, _ fixture: LocalFixture) throws -> String {
        try FileManager.default.destinationOfSymbolicLink(atPath: fixture.path(path))
    }

    /// The directory that is named is not where it seems to be.
    @Test(arguments: identities)
    func aDirectoryBehindALinkIsWhatCounts(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            try await fixture.backend.put("f", "x")
            try await fixture.backend.put("a/b/c/f", "deep")
            try fixture.makeLink("deep", to: "a/b/c")
            try fixture.makeLink("a/b/root", to: "/workspace")
            try await fixture.backend.symlink("deep/l", to: "/workspace/f")
            #expect(try text("a/b/c/l", fixture) == "../../../f")
            #expect(try fixture.contents("a/b/c/l") == "x")
            // From its name this would climb to the root and stay inside; from where it is it would not.
            let climbing = try await failure(of: try await fixture.backend.symlink("a/b/root/l", to: "../f"))
            #expect(climbing.code == .pathEscapeAttempt && climbing.message.contains("../f"))
            try await fixture.backend.symlink("a/b/root/new/l", to: "../f")
            #expect(try fixture.contents("new/l") == "x")
            try fixture.makeLink("out", to: fixture.outside)
            let out = try await failure(of: try await fixture.backend.symlink("out/l", to: "secret"))
            #expect(out.code == .pathEscapeAttempt)
        }
    }

    /// A directory changes places with a link to the one outside.
    @Test(arguments: identities)
    func linksNothingOutsideWhileADirectoryIsSwapped(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            try fixture.makeFile("f", "own")
            try fixture.makeDirectory("directory")
            try fixture.makeLink("link", to: fixture.outside)
            let (directory, link) = (fixture.path("directory"), fixture.path("link"))
            let escaped = fixture.outside + "/l"
            try await Opponent.against {
                for _ in 0..<10 { EscapeRaceTests.exchange(directory, link) }
            } _: {
                let naive = NaiveBackend(root: fixture.root, check: .resolved)
                let tries = EscapeRaceTests.triesUntil {
                    naive.link("directory/l", to: "../f")
                    unlink(directory + "/l")
                    var status = stat()
                    return lstat(escaped, &status) == 0
                }
                try #require(unlink(escaped) == 0)
                var made = 0
                for _ in 0..<tries {
                    if (try? await fixture.backend.symlink("directory/l", to: "../f")) != nil { made += 1 }
                    try? await fixture.backend.remove("directory/l")
                }
                #expect(made > 0)
            }
        }
    }
}
