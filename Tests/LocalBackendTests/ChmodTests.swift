import AgentBackend
import Glibc
import Testing

@testable import LocalBackend

@Suite(.serialized) struct ChmodTests {
    @Test(arguments: identities)
    func aLinkIsFollowedInsideAlone(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            try fixture.makeFile("f")
            try fixture.makeLink("link", to: "f")
            try fixture.makeLink("out", to: fixture.outside + "/secret")
            let info = try await fixture.backend.chmod("link", permissions: 0o640)
            #expect(info.kind == .regular && fixture.mode("f") == 0o640)
            let out = try await refusal(of: try await fixture.backend.chmod("out", permissions: 0o777))
            #expect(out.code == .pathEscapeAttempt)
            try fixture.makeLink("root", to: "/workspace")
            _ = try await fixture.backend.chmod("root/f", permissions: 0o600)
            #expect(fixture.mode("f") == 0o600)
        }
    }

    @Test(.enabled(if: isRoot))
    func othersFilesStayAsTheyAre() async throws {
        try await LocalFixture.with(identities[1]) { fixture in
            try fixture.makeFile("f")
            try #require(chown(fixture.path("f"), 0, 0) == 0)
            let denied = try await refusal(of: try await fixture.backend.chmod("f", permissions: 0o777))
            #expect(denied == Refusal(.writeFailed, .denied))
            #expect(fixture.mode("f") == 0o644)
        }
    }

    /// A file changes places with a link to what is outside.
    @Test(arguments: identities)
    func changesNothingOutsideWhileAFileIsSwapped(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            try fixture.makeFile("file")
            try fixture.makeLink("link", to: fixture.outside + "/secret")
            let (file, link) = (fixture.path("file"), fixture.path("link"))
            let secret = fixture.outside + "/secret"
            func mode() -> mode_t {
                var status = stat()
                return lstat(secret, &status) == 0 ? status.st_mode & 0o7777 : 0
            }
            try await Opponent.against {
                for _ in 0..<10 { EscapeRaceTests.exchange(file, link) }
            } _: {
                let naive = NaiveBackend(root: fixture.root, check: .resolved)
                let tries = EscapeRaceTests.triesUntil {
                    naive.chmod("file", 0o600)
                    return mode() == 0o600
                }
                try #require(chmod(secret, 0o644) == 0)
                var changed = 0
                for _ in 0..<tries where (try? await fixture.backend.chmod("file", permissions: 0o666)) != nil {
                    changed += 1
                }
                #expect(changed > 0)
            }
            #expect(mode() == 0o644)
        }
    }
}
