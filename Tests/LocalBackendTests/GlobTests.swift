import AgentBackend
import Foundation
import Testing

@testable import LocalBackend

@Suite struct GlobTests {
    private static func glob(
        _ backend: LocalFilesystemBackend,
        _ pattern: String,
        _ options: GlobOptions = GlobOptions()
    ) async throws -> [String] {
        var (paths, options) = ([String](), options)
        repeat {
            let page = try await backend.glob(try GlobPattern(pattern), options: options)
            paths += page.files.map { String(decoding: $0.path.bytes, as: UTF8.self) }
            options.after = page.next
        } while options.after != nil
        return paths
    }

    /// What bash makes of the same patterns, on 5,000 files.
    @Test func isAsBashWithGlobstar() async throws {
        try await LocalFixture.with { fixture in
            var tree = SampleTree(seed: 1)
            try tree.make(in: fixture, count: 6000)
            var patterns: [String] = []
            while patterns.count < 300 {
                let pattern = tree.pattern()
                // Others are matched at any depth, which is for the next test.
                if pattern.contains("/"), !patterns.contains(pattern) { patterns.append(pattern) }
            }
            // One program for all: each pattern's paths, then an empty line.
            let script = """
                shopt -s globstar nullglob
                while IFS= read -r pattern; do
                  eval "paths=($pattern)"
                  for path in "${paths[@]}"; do printf '%s\\0' "$path"; done
                  printf '\\n\\0'
                done
                """
            try Data((patterns.joined(separator: "\n") + "\n").utf8).write(
                to: URL(filePath: fixture.outside + "/patterns")
            )
            defer { try? FileManager.default.removeItem(atPath: fixture.outside + "/patterns") }
            let said = try await output(
                of: "/bin/bash",
                ["-c", "exec < ../outside/patterns; " + script],
                in: fixture
            )
            let groups = said.split(separator: 0, omittingEmptySubsequences: true)
                .map { String(decoding: $0, as: UTF8.self) }
                .split(separator: "\n", omittingEmptySubsequences: false)
            try #require(groups.count >= patterns.count)
            var found = 0
            for (pattern, group) in zip(patterns, groups) {
                // A directory that ** stands for nothing in, and what has no wildcard and is not there.
                let expected = Set(group.filter { !$0.hasSuffix("/") && fixture.status($0) != nil })
                let ours = try await Self.glob(fixture.backend, pattern, GlobOptions(includesAllKinds: true))
                var missing = expected.subtracting(ours)
                // Where ** stands for nothing, bash tells of the directory itself.
                var directory = pattern
                while directory.hasSuffix("/**") {
                    directory.removeLast(3)
                    let itself = GlobOptions(includesAllKinds: true)
                    missing.subtract(try await Self.glob(fixture.backend, directory, itself))
                }
                #expect(missing == [], "\(pattern)")
                #expect(Set(ours).subtracting(expected) == [], "\(pattern)")
                #expect(ours.count == Set(ours).count, "\(pattern)")
                found += ours.count
            }
            #expect(found > 10_000, "patterns that match next to nothing prove nothing")
        }
    }

    @Test(arguments: ["*.txt", "a*", "[!a]*", "?", "x y*", "\\**"])
    func aNameIsFoundAtAnyDepthAsByFind(pattern: String) async throws {
        try await LocalFixture.with { fixture in
            var tree = SampleTree(seed: 2)
            try tree.make(in: fixture, count: 3000)
            let said = try await output(
                of: "/usr/bin/find",
                ["-mindepth", "1", "-type", "f", "-name", pattern, "-not", "-path", "*/.*", "-print0"],
                in: fixture
            )
            let expected = Set(said.split(separator: 0).map { String(decoding: $0.dropFirst(2), as: UTF8.self) })
            let ours = try await Self.glob(fixture.backend, pattern)
            #expect(Set(ours) == expected)
            #expect(!ours.isEmpty)
        }
    }

    @Test func allIsToldOnceInOrderWhateverThePages() async throws {
        try await LocalFixture.with { fixture in
            var tree = SampleTree(seed: 3)
            try tree.make(in: fixture, count: 2000)
            let all = GlobOptions(includesAllKinds: true, includesHidden: true)
            let whole = try await Self.glob(fixture.backend, "**", all)
            let said = try await output(of: "/usr/bin/find", ["-mindepth", "1", "-print0"], in: fixture)
            #expect(
                Set(whole) == Set(said.split(separator: 0).map { String(decoding: $0.dropFirst(2), as: UTF8.self) })
            )
            let inOrder = whole.sorted {
                $0.split(separator: "/").lexicographicallyPrecedes($1.split(separator: "/")) {
                    $0.utf8.lexicographicallyPrecedes($1.utf8)
                }
            }
            #expect(whole == inOrder)
            for limit in [1, 7, 100] {
                var options = all
                options.limit = limit
                #expect(try await Self.glob(fixture.backend, "**", options) == whole, "\(limit)")
            }
        }
    }

    /// More names than are kept at a time.
    @Test func aLargeDirectoryIsListedInParts() async throws {
        try await LocalFixture.with { fixture in
            for number in 0..<40_000 { try fixture.makeFile("\(number)") }
            let paths = try await Self.glob(fixture.backend, "*")
            #expect(paths == (0..<40_000).map(String.init).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
        }
    }

    /// Deeper than directories are kept open, and than paths are long.
    @Test func aDeepTreeIsWalkedAsFarAsItCanBeNamed() async throws {
        try await LocalFixture.with { fixture in
            try fixture.makeDeepTree("", depth: 1000)
            let paths = try await Self.glob(fixture.backend, "file")
            // 4095 bytes of path hold "deeper/" 583 times before "side/file", which every tenth directory has.
            #expect(paths.count == 59)
            let page = try await fixture.backend.glob(try GlobPattern("file"), options: GlobOptions())
            #expect(page.skipped > 0)
        }
    }

    @Test func noLinkIsFollowed() async throws {
        try await LocalFixture.with { fixture in
            try fixture.makeDirectory("d")
            try fixture.makeFile("d/f")
            try fixture.makeLink("link", to: "d")
            try fixture.makeLink("out", to: fixture.outside)
            try fixture.makeLink("circle", to: ".")
            #expect(try await Self.glob(fixture.backend, "**/*") == ["d/f"])
            #expect(try await Self.glob(fixture.backend, "link/*") == [])
            #expect(try await Self.glob(fixture.backend, "out/secret") == [])
            let all = GlobOptions(includesAllKinds: true)
            #expect(try await Self.glob(fixture.backend, "*", all) == ["circle", "d", "d/f", "link", "out"])
            let inside = GlobOptions(path: try WorkspacePath("link"))
            #expect(try await Self.glob(fixture.backend, "*", inside) == ["link/f"], "the place itself may be a link")
            let outside = GlobOptions(path: try WorkspacePath("out"))
            #expect(
                try await refusal(of: try await Self.glob(fixture.backend, "*", outside)).code == .pathEscapeAttempt
            )
        }
    }

    @Test(.enabled(if: isRoot))
    func whatMayNotBeReadIsPassedOverAndCounted() async throws {
        try await LocalFixture.with(identities[1]) { fixture in
            for name in ["closed", "open"] {
                try fixture.makeDirectory(name)
                try fixture.makeFile(name + "/f")
            }
            try fixture.changeMode("closed", to: 0)
            let page = try await fixture.backend.glob(try GlobPattern("*"), options: GlobOptions())
            #expect(page.files.map { "\($0.path)" } == ["/workspace/open/f"])
            #expect(page.skipped == 1)
            try fixture.changeMode("closed", to: 0o755)
        }
    }

    @Test func aCancelledSearchEnds() async throws {
        try await LocalFixture.with { fixture in
            try fixture.makeFile("f")
            let cancellation = FileCancellation()
            let files = try fixture.files(cancellation)
            var walk = try GlobWalk(try GlobPattern("*"), GlobOptions(), files)
            cancellation.cancel()
            #expect(throws: DirectoryAccess.Failure.self) {
                var turn = FileTurn()
                _ = try walk.advance(files, &turn)
            }
        }
    }

    /// A turn that is over leaves the rest to the next one.
    @Test func aSearchGoesOnTurnByTurn() async throws {
        try await LocalFixture.with { fixture in
            for number in 0..<500 { try fixture.makeFile("\(number)") }
            let files = try fixture.files()
            var walk = try GlobWalk(try GlobPattern("*"), GlobOptions(), files)
            var turns = 0
            var page: FilePage?
            while page == nil {
                var turn = FileTurn(length: .zero)
                page = try walk.advance(files, &turn)
                turns += 1
            }
            #expect(turns > 10)
            #expect(page?.files.count == 500)
        }
    }
}
