import Testing

@testable import AgentBackend

@Suite struct RegularExpressionTests {
    /// Pattern, text, the parts of the text that match.
    @Test(
        arguments: [
            ("b", "abcb", ["b", "b"]), ("a.c", "abc a\nc aéc", ["abc", "aéc"]), ("a*", "aaab", ["aaa"]),
            ("ab+", "abbb ab a", ["abbb", "ab"]), ("ab?c", "ac abc abbc", ["ac", "abc"]), ("a{3}", "aa aaaa", ["aaaa"]),
            ("x{2,}", "x xx xxx", ["xx", "xxx"]), ("-a{1,2}-", "-a- -aa- -aaa-", ["-a-", "-aa-"]),
            ("a{x}", "a{x}", ["a{x}"]),
            ("a{,2}", "a{,2}", ["a{,2}"]), ("a{", "a{", ["a{"]), ("cat|dog", "a cat, a dog", ["cat", "dog"]),
            ("(ab|cd)+", "xabcdab", ["abcdab"]), ("(?:a|b)c", "ac bc cc", ["ac", "bc"]), ("a||b", "a-b", ["a", "b"]),
            ("a|b", "ab", ["ab"]),
            ("()*x", "x", ["x"]), ("(a*)*b", "aab", ["aab"]), ("[a-c]+", "xabcd", ["abc"]),
            ("[^a-c]+", "abdé\nc", ["dé\n"]),
            ("[]x]+", "a]x", ["]x"]), ("[a-]+", "b-a", ["-a"]), ("[\\d\\s-]+", "a1 2-b", ["1 2-"]),
            ("\\d+", "a12b", ["12"]),
            ("\\D+", "1é2", ["é"]), ("\\w+", "é a_1", ["a_1"]), ("\\W+", "aéb", ["é"]), ("\\s", "a\tb", ["\t"]),
            ("\\S+", " é= ", ["é="]), ("^a", "aa", ["a"]), ("a$", "aba", ["a"]), ("^$", "x", []),
            ("\\bcat\\b", "cat concat", ["cat"]),
            ("\\Bcat", "cat concat", ["cat"]), ("\\.", "a.b", ["."]), ("\\x41\\t", "A\t", ["A\t"]),
            ("é+", "aéé", ["éé"]),
            ("(?i)straße", "STRAße", ["STRAße"]), ("(?i)[a-c]+", "xABC", ["ABC"]), ("(?i)[^a]", "Ab", ["b"]),
            ("token=\\S+", "a token=xy z", ["token=xy"]), ("aba", "ababa", ["ababa"]), ("a|ab", "ab", ["ab"]),
            (".*", "ab\ncd", ["ab", "cd"]), ("", "abc", []), ("x*", "abc", []), ("日本", "x日本y", ["日本"]),
            ("\\n", "a\nb", ["\n"]),
        ] as [(String, String, [String])]
    )
    func findsAllThatMatches(_ pattern: String, _ text: String, _ expected: [String]) throws {
        let expression = try RegularExpression(pattern)
        let bytes = Array(text.utf8)
        #expect(expression.spans(in: bytes).map { String(decoding: bytes[$0], as: UTF8.self) } == expected)
        if !expected.isEmpty { #expect(expression.matches(text)) }
    }

    @Test func matchesWhereNothingIsTaken() throws {
        #expect(try RegularExpression("").matches(""))
        #expect(try RegularExpression("^$").matches(""))
        #expect(try !RegularExpression("^$").matches("a"))
        #expect(try RegularExpression("\\b").matches("a"))
        #expect(try !RegularExpression("\\b").matches("-"))
        #expect(try !RegularExpression("b").matches("aaa"))
    }

    @Test func aCutTextMayEndInTheMiddleOfAMatch() throws {
        let digits = try RegularExpression("key-[0-9]{8}")
        let text = Array("a key-12345678, key-123".utf8)
        #expect(digits.spans(in: text) == [2..<14])
        #expect(digits.spans(in: text, isCut: true) == [2..<14, 16..<23])
        #expect(digits.spans(in: Array("a key-1x".utf8), isCut: true) == [])
    }

    /// Pattern, the byte at which it is wrong, a part of what is said.
    @Test(
        arguments: [
            ("(a", 0, "does not end"), ("a)", 1, "no \"(\""), ("[a", 0, "does not end"), ("*a", 0, "nothing to repeat"),
            ("a|*", 2, "nothing to repeat"), ("(+)", 1, "nothing to repeat"), ("^*", 1, "nothing to repeat"),
            ("a**", 2, "repeats a repetition"), ("a*?", 2, "lazy"), ("a{2}{3}", 4, "repeats a repetition"),
            ("a{3,2}", 1, "smaller count"), ("a{1001}", 1, "at most 1000"), ("a\\", 1, "backslash"),
            ("\\1", 0, "back-references"),
            ("\\q", 0, "not known"), ("(?=a)", 0, "only (?:…)"), ("a(?i)", 1, "only (?:…)"), ("[b-a]", 1, "range"),
            ("[é]", 1, "ASCII"), ("[\\D]", 1, "no meaning"), ("[a-\\d]", 1, "range"), ("\\xg0", 0, "hexadecimal"),
            ("a{1000}", 0, "at most 256 steps"), ("((((a{9}){9}){9}){9}){9}", 0, "at most 256 steps"),
            (String(repeating: "(", count: 40), 32, "nested groups"),
        ] as [(String, Int, String)]
    )
    func saysWhereItIsWrong(_ pattern: String, _ offset: Int, _ message: String) {
        let error = #expect(throws: BackendError.self) { try RegularExpression(pattern) }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains("at byte \(offset):") == true)
        #expect(error?.message.contains(message) == true)
    }

    @Test func tooLongIsRefused() {
        let error = #expect(throws: BackendError.self) {
            try RegularExpression(String(repeating: "a", count: 1025))
        }
        #expect(error?.reason == .tooLarge)
    }

    /// None of these would end if it tried one possibility after the other, or began anew for each match.
    @Test(arguments: ["(a+)+$", "(a|a)*b", "(a|aa)+c", "a|a.*b", ".*.*.*=", "(x+x+)+y", "((((a*)*)*)*)*b", "(){1000}a"])
    func hostilePatternsTakeTimeInProportion(_ pattern: String) throws {
        let expression = try RegularExpression(pattern)
        for text in [String(repeating: "a", count: 30_000), String(repeating: "x", count: 30_000)] {
            _ = expression.matches(text)
            _ = expression.spans(in: Array(text.utf8), isCut: true)
        }
    }

    @Test func nestedCountsOfNothingAreNothing() throws {
        let pattern = String(repeating: "(", count: 20) + String(repeating: "){1000}", count: 20)
        #expect(try RegularExpression(pattern).matches(""))
    }
}
