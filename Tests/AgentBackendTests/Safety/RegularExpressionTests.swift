import Testing

@testable import AgentBackend

@Suite struct RegularExpressionTests {
    /// Pattern, text, the parts of the text that match.
    @Test(
        arguments: [
            ("b", "abcb", ["b", "b"]), ("a.c", "abc a\nc aéc", ["abc", "aéc"]), ("a*", "aaab", ["aaa"]),
            ("cat|dog", "a cat, a dog", ["cat", "dog"]), ("(?i)straße", "STRASSE STRAßE", ["STRAßE"]),
            ("\\bcat\\b", "cat concat", ["cat"]), ("token=\\S+", "a token=xy z", ["token=xy"]),
            ("^a", "aa", ["a"]), ("a$", "aba", ["a"]), ("", "abc", []), ("日本", "x日本y", ["日本"]),
        ] as [(String, String, [String])]
    )
    func findsAllThatMatches(_ pattern: String, _ text: String, _ expected: [String]) throws {
        let expression = try RegularExpression(pattern)
        let bytes = Array(text.utf8)
        #expect(expression.spans(in: bytes).map { String(decoding: bytes[$0], as: UTF8.self) } == expected)
        if !expected.isEmpty { #expect(expression.matches(text)) }
    }

    @Test func looksAtBytesThatAreNoText() throws {
        let text: [UInt8] = [0xff, 0x61, 0x62, 0x80, 0x00, 0x61]
        #expect(try RegularExpression("a").spans(in: text) == [1..<2, 5..<6])
        #expect(try RegularExpression("^a").matches([0x61, 0xff]))
    }

    @Test func matchesWhereNothingIsTaken() throws {
        #expect(try RegularExpression("").matches(""))
        #expect(try RegularExpression("^$").matches(""))
        #expect(try !RegularExpression("^$").matches("a"))
        #expect(try !RegularExpression("b").matches("aaa"))
    }

    @Test func aCutTextMayEndInTheMiddleOfAMatch() throws {
        let digits = try RegularExpression("key-[0-9]{8}")
        let text = Array("a key-12345678, key-123".utf8)
        #expect(digits.spans(in: text) == [2..<14])
        #expect(digits.spans(in: text, isCut: true) == [2..<14, 16..<23])
        #expect(digits.spans(in: Array("a key-1x".utf8), isCut: true) == [])
    }

    @Test(arguments: [("(a", 2), ("a)", 1), ("*a", 0), ("[b-a]", 3)])
    func saysWhereItIsWrong(_ pattern: String, _ offset: Int) {
        let error = #expect(throws: BackendError.self) { try RegularExpression(pattern) }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains("at byte \(offset):") == true, "\(String(describing: error))")
    }

    @Test func tooLongIsRefused() {
        let error = #expect(throws: BackendError.self) {
            try RegularExpression(String(repeating: "a", count: RegularExpression.maximumLength + 1))
        }
        #expect(error?.reason == .tooLarge)
    }

    /// Tried to its end, such a pair takes more steps than there are atoms. It counts as no match, and hides all.
    @Test func aHostilePatternIsGivenUp() throws {
        let expression = try RegularExpression("(a+)+\\1$")
        let text = Array(String(repeating: "a", count: 40).utf8) + [0x21]
        #expect(!expression.matches(text))
        #expect(expression.spans(in: text) == [0..<text.count])
    }
}
