import AgentBackend
import Glibc
import Testing

@testable import LocalBackend

/// Attacks that swap something while a tree is searched; as ``EscapeRaceTests``.
@Suite(.serialized) struct SearchRaceTests {
    /// Of a walk each.
    private static let mostTries = 2_000

    /// Runs `body` while a directory of the workspace and a link to the one outside change places, and two directories
    /// of the workspace as well.
    private static func swapping(
        _ identity: HostIdentity?,
        own: String = "own",
        _ body: (LocalFixture, NaiveBackend) async throws -> Void
    ) async throws {
        try await LocalFixture.with(identity) { fixture in
            for path in ["tree/directory/own", "tree/other/deep/own"] { try await fixture.backend.put(path, own) }
            try fixture.makeLink("link", to: fixture.outside)
            let paths = ["tree/directory", "link", "tree/other", "tree/directory"].map { fixture.path($0) }
            try await Opponent.against {
                for _ in 0..<10 { EscapeRaceTests.exchange(paths[0], paths[1]) }
                for _ in 0..<2 { EscapeRaceTests.exchange(paths[2], paths[3]) }
            } _: {
                try await body(fixture, NaiveBackend(root: fixture.root, check: .resolved))
            }
        }
    }

    private static func tries(_ escaped: () -> Bool) -> Int {
        min(EscapeRaceTests.triesUntil(escaped), mostTries)
    }

    @Test(arguments: identities)
    func globListsNothingOutside(_ identity: HostIdentity?) async throws {
        try await Self.swapping(identity) { fixture, naive in
            let pattern = try GlobPattern("**")
            var found = 0
            for _ in 0..<Self.tries({ naive.find("tree").contains { $0.hasSuffix("/secret") } }) {
                let page = try? await fixture.backend.glob(
                    pattern,
                    options: GlobOptions(path: try WorkspacePath("tree"))
                )
                let files = page?.files ?? []
                #expect(files.allSatisfy { $0.path.parentAndName?.name == Array("own".utf8) })
                found += files.count
            }
            #expect(found > 0)
        }
    }

    @Test(arguments: identities)
    func treeListsNothingOutside(_ identity: HostIdentity?) async throws {
        try await Self.swapping(identity) { fixture, naive in
            var found = 0
            for _ in 0..<Self.tries({ naive.find("tree").contains { $0.hasSuffix("/secret") } }) {
                let page = try? await fixture.backend.tree(TreeOptions(path: try WorkspacePath("tree")))
                let names = (page?.files ?? []).map { String(decoding: $0.path.bytes, as: UTF8.self) }
                #expect(names.allSatisfy { !$0.hasSuffix("/secret") })
                found += names.count { $0.hasSuffix("/own") }
            }
            #expect(found > 0)
        }
    }

    @Test(arguments: identities)
    func diskUsageCountsNothingOutside(_ identity: HostIdentity?) async throws {
        // What is outside is no multiple of it.
        try await Self.swapping(identity, own: String(repeating: "x", count: 1000)) { fixture, naive in
            var counted = 0
            for _ in 0..<Self.tries({ naive.bytes(in: "tree") % 1000 != 0 }) {
                guard let usage = try? await fixture.backend.diskUsage("tree") else { continue }
                #expect(usage.bytes % 1000 == 0)
                counted += Int(usage.files)
            }
            #expect(counted > 0)
        }
    }

    @Test(arguments: identities)
    func grepReadsNothingOutside(_ identity: HostIdentity?) async throws {
        try await Self.swapping(identity) { fixture, naive in
            let pattern = try GrepPattern("[a-z]", isRegularExpression: true)
            var found = 0
            for _ in 0..<Self.tries({ naive.finds(LocalFixture.secret, in: "tree") }) {
                let page = try? await fixture.backend.grep(
                    pattern,
                    options: GrepOptions(path: try WorkspacePath("tree"))
                )
                let texts = (page?.files ?? []).flatMap { $0.matches.map { String(decoding: $0.text, as: UTF8.self) } }
                #expect(texts.allSatisfy { $0 == "own" })
                found += texts.count
            }
            #expect(found > 0)
        }
    }
}
