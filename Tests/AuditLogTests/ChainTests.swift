import AgentBackend
import Testing

@testable import AuditLog

struct ChainTests {
    @Test func eachLineCarriesTheHashOverTheOneBeforeAndItself() throws {
        let (first, next) = AuditChain().line("call", at: 5) { $0.add("org", "acme") }
        #expect(next.sequence == 2)
        let parts = try #require(AuditChain.parts(of: first.dropLast()))
        #expect(String(decoding: parts.object, as: UTF8.self) == #"{"seq":1,"time_ns":5,"kind":"call","org":"acme"}"#)
        #expect(parts.hash == AuditHash.none.followed(by: parts.object))
        let (second, _) = next.line("call", at: 5) { $0.add("org", "acme") }
        let behind = try #require(AuditChain.parts(of: second.dropLast()))
        #expect(behind.hash == parts.hash.followed(by: behind.object))
    }

    @Test func whatIsNoLineIsNone() {
        let (line, _) = AuditChain().line("call", at: 5) { $0.add("org", "acme") }
        for count in 0..<line.count - 1 { #expect(AuditChain.parts(of: line.prefix(count)) == nil) }
        #expect(AuditChain.parts(of: line) == nil)
    }

    @Test func membersAreReadAsTheyWereWritten() throws {
        var line = JSONLine()
        line.add("text", "a\"\\\n\u{7f}é\u{1F600}")
        line.add("count", UInt64(1) << 62)
        line.add("below", -3)
        line.add("large", UInt64.max)
        line.add("flag", true)
        let members = try #require(AuditMembers(line.text))
        #expect(members.text("text") == "a\"\\\n\u{7f}é\u{1F600}")
        #expect(members.count("count") == 1 << 62)
        #expect(members.integer("below") == -3)
        #expect(members.count("large") == .max && members.integer("large") == nil && members.sequence("large") == nil)
        #expect(members["flag"] == .flag(true))
        #expect(members.count("below") == nil && members.text("count") == nil && members["none"] == nil)
    }

    @Test(arguments: [
        "", "{", "{}", "{\"a\"}", "{\"a\":}", "{\"a\":1", "{\"a\":1,}", "{\"a\":\"}", "{\"a\":\"\\u12\"}",
        "{\"a\":nul}",
        "{\"a\":1}x", "[1]", "{\"a\":{\"b\":1}}", "{\"a\":--1}", "{\"a\":\"\\q\"}", "{\"a\":\"\\ud800\"}",
    ])
    func whatIsNoObjectOfMembersIsRefused(_ text: String) {
        #expect(AuditMembers(Array(text.utf8)) == nil)
    }

    @Test func filesSortByTheirFirstSequence() {
        let names = [1, 9, 10, UInt64.max].map { AuditSegment(firstSequence: $0).name }
        #expect(names == names.sorted())
        #expect(names.compactMap { AuditSegment(name: $0)?.firstSequence } == [1, 9, 10, .max])
        #expect(AuditSegment(torn: AuditSegment(firstSequence: 4).tornName)?.firstSequence == 4)
        for name in ["head.json", "1.jsonl", "+0000000000000000001.jsonl", names[0] + "x", "torn-1"] {
            #expect(AuditSegment(name: name) == nil && AuditSegment(torn: name) == nil)
        }
    }

    @Test func whatACallerNamesTakesNoMoreThanItsShareOfALine() throws {
        let text = String(repeating: "\u{1}", count: 200_000)
        var long = event(text, key: text)
        long.operation.scope = text
        let (line, _) = AuditChain().line("call", at: 0) { long.add(to: &$0) }
        #expect(line.count < 10_000)
        let record = try #require(AuditRecord(line: line.dropLast()))
        #expect(record.key.hasPrefix("\\x01\\x01") && record.scope == record.key && record.subject == record.key)
    }

    @Test func longAndUnprintableTextIsCutAndShown() throws {
        var long = event(String(repeating: "é", count: 1000) + "\u{1b}[2J")
        long.operation.key = "k"
        let (line, _) = AuditChain().line("call", at: 0) { long.add(to: &$0) }
        let record = try #require(AuditRecord(line: line.dropLast()))
        #expect(record.subject.utf8.count <= OperationRecord.maximumSubjectLength)
        let odd = event("a\u{1b}[2J\nb")
        let shown = try #require(
            AuditRecord(line: AuditChain().line("call", at: 0) { odd.add(to: &$0) }.bytes.dropLast())
        )
        #expect(shown.subject == "a\\x1b[2J\\x0ab")
    }
}
