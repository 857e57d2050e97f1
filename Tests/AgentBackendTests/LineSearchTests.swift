import NIOCore
import Testing

@testable import AgentBackend

@Suite struct LineSearchTests {
    private static let unlimited = LineSearch.Limits(
        contextBefore: 0,
        contextAfter: 0,
        matches: .max,
        matchesOfOneFile: .max,
        bytes: .max,
        bytesOfOneLine: 4096,
        undecided: 100
    )

    private static func search(
        _ pieces: [[UInt8]],
        _ pattern: GrepPattern,
        _ limits: LineSearch.Limits = unlimited
    ) -> LineSearch {
        var search = LineSearch(pattern, limits)
        let matcher = LineMatcher(pattern, maximumSteps: 200_000)
        for piece in pieces { piece.withUnsafeBytes { search.add($0, matcher) } }
        return search
    }

    private static func search(_ text: String, _ pattern: GrepPattern, _ limits: LineSearch.Limits = unlimited)
        -> LineSearch
    {
        search([Array(text.utf8)], pattern, limits)
    }

    private static func lines(_ search: LineSearch) -> [UInt64] { search.matches.map(\.line) }

    @Test func linesAreNumberedAndTold() throws {
        let text = "one\ntwo\nthree one\n\none"
        let found = Self.search(text, try GrepPattern("one"))
        #expect(Self.lines(found) == [1, 3, 5])
        #expect(found.matches.map { String(decoding: $0.text, as: UTF8.self) } == ["one", "three one", "one"])
        #expect(Self.lines(Self.search(text, try GrepPattern("^$", isRegularExpression: true))) == [4])
        #expect(Self.lines(Self.search(text, try GrepPattern("ONE"))) == [])
        #expect(Self.lines(Self.search(text, try GrepPattern("ONE", ignoresCase: true))) == [1, 3, 5])
        #expect(Self.lines(Self.search(text, try GrepPattern("o$|^th", isRegularExpression: true))) == [2, 3])
        #expect(Self.lines(Self.search(text, try GrepPattern("e\\n"))) == [], "a literal is no expression")
        #expect(Self.lines(Self.search(text, try GrepPattern("o.e", isRegularExpression: true))) == [1, 3, 5])
        #expect(
            Self.lines(Self.search(text, try GrepPattern("E O", isRegularExpression: true, ignoresCase: true))) == [3]
        )
    }

    /// However a text is cut into pieces, the same is told of it: line by line, by a plain search.
    @Test(arguments: [(0, 0), (1, 0), (0, 2), (3, 3)])
    func piecesMakeNoDifference(before: Int, after: Int) throws {
        var numbers = SystemRandomNumberGenerator()
        let pattern = try GrepPattern("ab")
        for _ in 0..<300 {
            let lines = (0..<Int.random(in: 0..<20, using: &numbers)).map { _ in
                String(
                    (0..<Int.random(in: 0..<6, using: &numbers)).map { _ in "abc".randomElement(using: &numbers) ?? "a"
                    }
                )
            }
            let expected = lines.indices.filter { lines[$0].contains("ab") }.map { index in
                GrepMatch(
                    line: UInt64(index + 1),
                    text: Array(lines[index].utf8),
                    before: lines[max(0, index - before)..<index].map { Array($0.utf8) },
                    after: lines[(index + 1)..<min(lines.count, index + 1 + after)].map { Array($0.utf8) }
                )
            }
            var pieces: [[UInt8]] = [[]]
            for line in lines {
                pieces[pieces.count - 1] += Array((line + "\n").utf8)
                if Bool.random(using: &numbers) { pieces.append([]) }
            }
            var limits = Self.unlimited
            (limits.contextBefore, limits.contextAfter) = (before, after)
            let found = Self.search(pieces, pattern, limits)
            #expect(found.matches == expected, "\(lines)")
            #expect(!found.isTruncated)
        }
    }

    @Test func aLiteralIsFoundWhereverItIs() throws {
        var text = [UInt8](repeating: UInt8(ascii: "e"), count: 100_000)
        for place in [0, 1, 99_997, 50_000] {
            text[place...(place + 2)] = [0x65, 0xff, 0x65]
            #expect(Self.search([text], try GrepPattern([0x65, 0xff, 0x65])).matches.count == 1)
            #expect(Self.search([text], try GrepPattern([0x65, 0xff, 0x66])).matches.count == 0)
            text[place...(place + 2)] = [0x65, 0x65, 0x65]
        }
        // The byte that is looked for is everywhere.
        text = Array((String(repeating: "qe", count: 50_000) + "qq").utf8)
        #expect(Self.search([text], try GrepPattern("eqq")).matches.count == 1)
        #expect(Self.search([text], try GrepPattern("qqq")).matches.count == 0)
    }

    @Test func whatIsNoTextIsNotTold() throws {
        let pieces: [[UInt8]] = [Array("a\n".utf8), [0x61, 0, 0x0a], Array("a\n".utf8)]
        let found = Self.search(pieces, try GrepPattern("a"))
        #expect(found.matches.isEmpty && found.isDone && !found.isTruncated)
    }

    @Test func limitsCutAndSaySo() throws {
        let text = String(repeating: "a\n", count: 10)
        var limits = Self.unlimited
        limits.matches = 3
        #expect(Self.search(text, try GrepPattern("a"), limits).matches.count == 3)
        #expect(Self.search(text, try GrepPattern("a"), limits).isTruncated)
        limits.matches = 10
        #expect(!Self.search(text, try GrepPattern("a"), limits).isTruncated)
        limits.bytes = 100
        let cut = Self.search(text, try GrepPattern("a"), limits)
        #expect(cut.isTruncated && cut.matches.count < 10)
        let long = Self.search(String(repeating: "x", count: 10_000), try GrepPattern("x"))
        #expect(long.matches.map(\.text.count) == [GrepMatch.maximumText])
    }

    @Test func whatTakesTooManyStepsIsCountedAndEnds() throws {
        let line = String(repeating: "a", count: 100) + "b\n"
        let found = Self.search(
            "c" + String(repeating: line, count: 200),
            try GrepPattern("(a+)+$|^c", isRegularExpression: true)
        )
        #expect(found.undecided == 100 && found.isTruncated)
        #expect(Self.lines(found) == [1])
    }

    @Test(arguments: ["", "a\nb", String(repeating: "a", count: 4097)])
    func whatIsNoPatternIsRefused(pattern: String) throws {
        #expect(try #require(throws: BackendError.self) { try GrepPattern(pattern) }.code == .invalidArgument)
        let expression = #expect(throws: BackendError.self) { try GrepPattern("(", isRegularExpression: true) }
        #expect(expression?.code == .invalidArgument)
        let bytes = #expect(throws: BackendError.self) { try GrepPattern([0xff], ignoresCase: true) }
        #expect(bytes?.reason == .notText)
    }
}
