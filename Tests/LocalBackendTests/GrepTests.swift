import AgentBackend
import Foundation
import Glibc
import NIOCore
import Synchronization
import Testing

@testable import LocalBackend

@Suite struct GrepTests {
    private static func lines(
        _ backend: LocalFilesystemBackend,
        _ pattern: GrepPattern,
        _ options: GrepOptions = GrepOptions()
    ) async throws -> [String] {
        var (lines, options) = ([String](), options)
        repeat {
            let page = try await backend.grep(pattern, options: options)
            for file in page.files {
                let path = String(decoding: file.path.bytes, as: UTF8.self)
                lines += file.matches.map { "\(path):\($0.line):\(String(decoding: $0.text, as: UTF8.self))" }
            }
            options.after = page.next
        } while options.after != nil
        return lines
    }

    private static let words = [
        "one", "two", "three", "f(x)", "a.b", "ünï", "Foo", "foo_bar", "", "\t", "x = 1;", "\\n",
    ]

    /// Files with lines of some words; some without a last newline, some that are no text.
    private static func makeFiles(in fixture: LocalFixture, count: Int) throws {
        var (tree, random) = (SampleTree(seed: 5), Numbers(seed: 6))
        try tree.make(in: fixture, count: count)
        for name in try FileManager.default.subpathsOfDirectory(atPath: fixture.root) {
            guard let status = fixture.status(name), status.kind == .regular else { continue }
            var text = ""
            for _ in 0..<random.next(below: 40) {
                text +=
                    (0..<random.next(below: 6)).map { _ in words[random.next(below: words.count)] }.joined(
                        separator: " "
                    ) + "\n"
            }
            switch random.next(below: 10) {
            case 0: text += "one\0"
            case 1: text += "one"
            default: break
            }
            try Data(text.utf8).write(to: URL(filePath: fixture.path(name)))
        }
    }

    /// What GNU grep says, of 5,000 files.
    @Test func isAsGrep() async throws {
        try await LocalFixture.with { fixture in
            try Self.makeFiles(in: fixture, count: 6000)
            let hidden = GrepOptions(includesHidden: true, includesVersionControl: true)
            var found = 0
            for (flags, pattern) in [
                (["-F"], try GrepPattern("one")),
                (["-F"], try GrepPattern("f(x)")),
                (["-F"], try GrepPattern("\\n")),
                (["-F"], try GrepPattern(" ")),
                (["-F", "-i"], try GrepPattern("FOO", ignoresCase: true)),
                (["-F", "-i"], try GrepPattern("ÜNÏ", ignoresCase: true)),
                (["-P"], try GrepPattern("^(one|two)\\b.*\\d", isRegularExpression: true)),
                (["-P"], try GrepPattern("^$", isRegularExpression: true)),
                (["-P"], try GrepPattern("[^a-z ]$", isRegularExpression: true)),
                (["-P"], try GrepPattern("n.$", isRegularExpression: true)),
                (["-P", "-i"], try GrepPattern("foo\\s+\\w+_b", isRegularExpression: true, ignoresCase: true)),
            ] {
                let said = try await output(
                    of: "/usr/bin/grep",
                    ["-rnI"] + flags + ["-e", String(decoding: pattern.bytes, as: UTF8.self)],
                    in: fixture
                )
                let expected = said.split(separator: 0x0a).map { String(decoding: $0, as: UTF8.self) }
                let ours = try await Self.lines(fixture.backend, pattern, hidden)
                #expect(Set(ours).symmetricDifference(expected) == [], "\(pattern)")
                #expect(ours.count == expected.count, "\(pattern)")
                found += ours.count
            }
            #expect(found > 10_000)
            let names = ["--include=*.txt", "--exclude-dir=a*", "--exclude-dir=.[!.]*", "--exclude=.*"]
            let said = try await output(of: "/usr/bin/grep", ["-rnIF"] + names + ["one"], in: fixture)
            let expected = said.split(separator: 0x0a).map { String(decoding: $0, as: UTF8.self) }
            let some = GrepOptions(includes: [try GlobPattern("*.txt")], excludes: [try GlobPattern("**/a*/")])
            let ours = try await Self.lines(fixture.backend, try GrepPattern("one"), some)
            #expect(Set(ours).symmetricDifference(expected) == [])
            #expect(!ours.isEmpty)
        }
    }

    /// Longer than what is read at a time.
    @Test func linesAreCountedThroughLargeFiles() async throws {
        try await LocalFixture.with { fixture in
            let text = (1...200_000).map { "line \($0)\n" }.joined()
            try fixture.makeFile("f", text)
            for pattern in [try GrepPattern("77"), try GrepPattern("7{2}", isRegularExpression: true)] {
                let ours = try await Self.lines(fixture.backend, pattern, GrepOptions(limit: 10_000))
                let expected = (1...200_000).filter { "\($0)".contains("77") }.map { "f:\($0):line \($0)" }
                #expect(ours == expected)
            }
            try fixture.makeFile("long", String(repeating: "x", count: 1 << 20) + "needle\nnext\nlast needle\n")
            let long = GrepOptions(path: try WorkspacePath("long"))
            let page = try await fixture.backend.grep(try GrepPattern("needle"), options: long)
            #expect(page.files.first?.matches.map(\.line) == [1, 3])
        }
    }

    /// Two gigabytes, of which nothing is kept.
    @Test func aHugeFileTakesNoMemoryToSpeakOf() async throws {
        try await LocalFixture.with { fixture in
            try fixture.makeFile("text", String(repeating: "some line of it\n", count: 1 << 16) + "needle\n")
            try fixture.makeFile("huge", "needle\n")
            try #require(truncate(fixture.path("huge"), 2 << 30) == 0)
            let page = try await fixture.backend.grep(try GrepPattern("needle"), options: GrepOptions())
            #expect(page.files.map { "\($0.path)" } == ["/workspace/text"], "what is sparse is no text")
        }
    }

    /// What grows while it is read is searched as far as it went.
    @Test func aFileThatGrowsEnds() async throws {
        try await LocalFixture.with { fixture in
            try fixture.makeFile("log", String(repeating: "needle\n", count: 11))
            let descriptor = open(fixture.path("log"), O_WRONLY | O_APPEND | O_CLOEXEC)
            defer { close(descriptor) }
            let line = Array(String(repeating: "needle\n", count: 1000).utf8)
            try await Opponent.against {
                _ = write(descriptor, line, line.count)
            } _: {
                for _ in 0..<20 {
                    let page = try await fixture.backend.grep(
                        try GrepPattern("needle"),
                        options: GrepOptions(limit: 10)
                    )
                    #expect(page.files.map(\.matches.count) == [10])
                }
                var files = try fixture.files()
                files.access = DirectoryAccess(root: files.access.root)
                var lines = try SearchedLines(try files.access.open(try WorkspacePath("log"), flags: UInt64(O_RDONLY)))
                var buffer = ReadBuffer(capacity: 1 << 10)
                var read = 0
                while try !lines.read(into: &buffer, { read += $0.count }) {}
                #expect(read <= fixture.status("log").map { Int($0.st_size) } ?? 0)
            }
            try #require(truncate(fixture.path("log"), 0) == 0)
        }
    }

    /// A pattern that takes as long as it may on every line, on the one file thread that there is: calls of others are
    /// answered between its turns.
    @Test func othersAreAnsweredWhileAPatternTakesLong() async throws {
        try await LocalFixture.with(threadCount: 1) { fixture in
            let line = String(repeating: "a", count: 100) + "b\n"
            for number in 0..<50 { try fixture.makeFile("\(number)", String(repeating: line, count: 50)) }
            let pattern = try GrepPattern("(a+)+$", isRegularExpression: true)
            let isDone = Flag()
            async let answered = {
                var answered = 0
                while !isDone.isSet {
                    _ = try await fixture.backend.info("0")
                    answered += 1
                }
                return answered
            }()
            var (pages, undecided, options) = (0, UInt64(0), GrepOptions())
            repeat {
                let page = try await fixture.backend.grep(pattern, options: options)
                #expect(page.files.isEmpty)
                pages += 1
                undecided += page.undecided
                options.after = page.next
            } while options.after != nil
            isDone.set()
            #expect(undecided == 50 * 50)
            #expect(pages >= 25, "no page holds on for longer than a hundred such lines")
            #expect(try await answered > pages)
        }
    }

    @Test func noLinkIsFollowed() async throws {
        try await LocalFixture.with { fixture in
            try fixture.makeFile("f", "secret\n")
            try fixture.makeLink("link", to: "f")
            try fixture.makeLink("out", to: fixture.outside)
            try fixture.makeLink("file", to: fixture.outside + "/secret")
            _ = try fixture.makeSpecialFiles()
            #expect(try await Self.lines(fixture.backend, try GrepPattern("secret")) == ["f:1:secret"])
            let link = GrepOptions(path: try WorkspacePath("link"))
            #expect(try await Self.lines(fixture.backend, try GrepPattern("secret"), link) == ["link:1:secret"])
            for path in ["out", "file", "out/secret"] {
                let outside = GrepOptions(path: try WorkspacePath(path))
                let error = try await failure(
                    of: try await Self.lines(fixture.backend, try GrepPattern("secret"), outside)
                )
                #expect(error.code == .pathEscapeAttempt)
            }
            let fifo = GrepOptions(path: try WorkspacePath("fifo"))
            let error = try await refusal(of: try await Self.lines(fixture.backend, try GrepPattern("x"), fifo))
            #expect(error == Refusal(.lsFailed, .notRegular))
        }
    }

    @Test(.enabled(if: isRoot))
    func whatMayNotBeReadIsPassedOverAndCounted() async throws {
        try await LocalFixture.with(identities[1]) { fixture in
            try fixture.makeFile("closed", "one", mode: 0)
            try fixture.makeFile("open", "one")
            let page = try await fixture.backend.grep(try GrepPattern("one"), options: GrepOptions())
            #expect(page.files.map { "\($0.path)" } == ["/workspace/open"])
            #expect(page.skipped == 1)
        }
    }
}
