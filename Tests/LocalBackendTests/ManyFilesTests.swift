import AgentBackend
import NIOCore
import Testing

@testable import LocalBackend

@Suite(.serialized) struct ManyFilesTests {
    /// A directory of the workspace and a link to the one outside change places.
    @Test(arguments: identities)
    func nothingOutsideIsReadOrToldOfWhileADirectoryIsSwapped(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            try await fixture.backend.put("directory/secret", "own")
            try fixture.makeLink("link", to: fixture.outside)
            let (directory, link) = (fixture.path("directory"), fixture.path("link"))
            try await Opponent.against {
                EscapeRaceTests.exchange(directory, link)
            } _: {
                let naive = NaiveBackend(root: fixture.root, check: .resolved)
                let tries = EscapeRaceTests.triesUntil { naive.read("directory/secret") == LocalFixture.secret }
                let paths = Array(repeating: "directory/secret", count: 20)
                var (read, told) = (0, 0)
                for _ in 0..<tries / 10 {
                    for case .success(let contents) in try await fixture.backend.readMany(paths) {
                        #expect(String(buffer: contents.bytes) == "own")
                        read += 1
                    }
                    for case .success(let info) in try await fixture.backend.statMany(paths) {
                        #expect(info.size == 3)
                        told += 1
                    }
                }
                #expect(read > 0 && told > 0)
            }
        }
    }

    @Test func aRootThatWasRemovedIsMadeAnewForAScope() async throws {
        try await LocalFixture.with { fixture in
            let scope = try fixture.backend.scope(try WorkspacePath("s"), configuration: ScopeConfiguration())
            try await scope.put("f", "x")
            try await fixture.backend.remove("s", recursive: true)
            let infos = try await scope.statMany(["f", ""])
            #expect(try await refusal(of: try infos[0].get()) == Refusal(.readFailed, .notFound))
            #expect(try infos[1].get().kind == .directory)
        }
    }
}
