import Testing

@testable import AgentBackend

@Suite struct RedactionTests {
    @Test func hidesSecretsAndPatternsInSubjectAndOutput() throws {
        let redaction = try Redaction(
            patterns: [try RegularExpression("(?i)password=\\S+"), try RegularExpression("[0-9]{16}")],
            secrets: [Array("hunter22".utf8), Array("s3cr3t-token".utf8)]
        )
        var record = OperationRecord(
            operation: "exec",
            subject: "login hunter22 PASSWORD=abc x hunter2",
            bytes: 100,
            standardOutput: Array("card 1234567890123456, token s3cr3t-token\n".utf8),
            standardError: Array("nothing here".utf8)
        )
        record.bytes = UInt64(record.standardOutput.count + record.standardError.count)
        let redacted = redaction.redact(record)
        #expect(redacted.subject == "login *** *** x hunter2")
        #expect(Self.text(redacted.standardOutput) == "card ***, token ***\n")
        #expect(Self.text(redacted.standardError) == "nothing here")
        #expect(redacted.bytes == record.bytes)
    }

    @Test func valuesOfVariablesAreSecrets() throws {
        let environment = try Environment(["KEY": "abcdef", "PLACE": "Berlin", "SHORT": "abc"])
        let all = try Redaction(valuesOf: environment)
        #expect(Self.subject("Berlin abcdef abc", all) == "*** *** abc")
        let some = try Redaction(valuesOf: environment, named: ["KEY", "SHORT"])
        #expect(Self.subject("Berlin abcdef abc", some) == "Berlin *** abc")
        #expect(Self.subject("abcdef", try Redaction()) == "abcdef")
    }

    @Test func findsSecretsAsTheyArePrinted() throws {
        let redaction = try Redaction(secrets: [Array("one\ntwö".utf8), Array("gäste".utf8), [0xff, 0xfe, 0x41, 0x42]])
        for line in [Array("a one\ntwö b".utf8), Array("a gäste b".utf8), Array("a gäste b".utf8) + [10]] {
            let subject = Self.subject(WorkspacePath.printable(line), redaction)
            #expect(subject == "a *** b" || subject == "a *** b\\x0a")
        }
        let odd = WorkspacePath.printable([0x61, 0xff, 0xfe, 0x41, 0x42, 0x62])
        #expect(Self.subject(odd, redaction) == "a***b")
    }

    @Test func whatOverlapsIsHiddenAsOne() throws {
        let redaction = try Redaction(patterns: [try RegularExpression("cdef")], secrets: [Array("abcd".utf8)])
        #expect(Self.subject("xabcdefx", redaction) == "x***x")
        #expect(Self.subject("abcdabcd", redaction) == "***")
    }

    @Test func aCutTextHidesTheBeginningOfASecretAtItsEnd() throws {
        let redaction = try Redaction(
            patterns: [try RegularExpression("key-[a-z0-9]{8}")],
            secrets: [Array("supersecret".utf8)]
        )
        let filler = String(repeating: ".", count: OperationRecord.maximumSubjectLength - 5)
        #expect(Self.subject(filler + "supersecret", redaction) == filler + "***")
        #expect(Self.subject(filler + "key-abcdefgh", redaction) == filler + "***")
        var record = OperationRecord(operation: "exec", bytes: 1000, standardOutput: Array("x supers".utf8))
        #expect(Self.text(redaction.redact(record).standardOutput) == "x ***")
        record.bytes = 8
        #expect(Self.text(redaction.redact(record).standardOutput) == "x supers")
    }

    @Test func hasLimits() throws {
        let pattern = try RegularExpression("a")
        let patterns = #expect(throws: BackendError.self) {
            try Redaction(patterns: Array(repeating: pattern, count: 17))
        }
        #expect(patterns?.reason == .tooLarge)
        let secrets = #expect(throws: BackendError.self) {
            try Redaction(secrets: [Array(repeating: 1, count: Redaction.maximumSecretBytes + 1)])
        }
        #expect(secrets?.reason == .tooLarge)
    }

    @Test func aLoggerBehindItSeesNoSecret() throws {
        let logger = ArrayOperationsLogger()
        let redacting = RedactingOperationsLogger(try Redaction(secrets: [Array("hunter22".utf8)]), to: logger)
        redacting.record(OperationRecord(operation: "exec", subject: "echo hunter22"))
        #expect(logger.records().map(\.subject) == ["echo ***"])
    }

    private static func subject(_ subject: String, _ redaction: Redaction) -> String {
        redaction.redact(OperationRecord(operation: "exec", subject: subject)).subject
    }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}

@Suite struct LiteralMatcherTests {
    /// Against the plain way, over texts and literals of two letters, where everything overlaps.
    @Test func findsWhatComparingEverywhereFinds() {
        var state: UInt64 = 1
        func letters(_ count: Int) -> [UInt8] {
            (0..<count).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return UInt8(ascii: "a") + UInt8(state >> 33 & 1)
            }
        }
        for round in 0..<500 {
            let literals = (1...4).map { letters($0 + round % 3) }
            let text = letters(30)
            let found = LiteralMatcher(literals).spans(in: text, isCut: false)
            var covered = Set<Int>()
            for literal in literals {
                for start in 0...(text.count - literal.count) where text[start...].starts(with: literal) {
                    covered.formUnion(start..<(start + literal.count))
                }
            }
            #expect(Set(found.joined()) == covered)
        }
    }

    @Test func findsTheLongestBeginningAtTheEnd() {
        let matcher = LiteralMatcher([Array("abcd".utf8), Array("cdx".utf8)])
        #expect(matcher.spans(in: Array("xabc".utf8), isCut: true) == [1..<4])
        #expect(matcher.spans(in: Array("xabcd".utf8), isCut: true) == [1..<5])
        #expect(matcher.spans(in: Array("xbcd".utf8), isCut: true) == [2..<4])
        #expect(matcher.spans(in: Array("xabc".utf8), isCut: false) == [])
        #expect(LiteralMatcher([]).spans(in: Array("abc".utf8), isCut: true) == [])
    }

    /// This would take many minutes if each literal, or each place of the text, were compared anew.
    @Test func takesTimeInProportion() {
        let literals = (0..<200).map { number in Array(repeating: UInt8(ascii: "a"), count: 500 + number) + [0] }
        let matcher = LiteralMatcher(literals)
        #expect(matcher.spans(in: Array(repeating: UInt8(ascii: "a"), count: 200_000), isCut: false) == [])
    }
}
