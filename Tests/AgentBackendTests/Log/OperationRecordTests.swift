import NIOCore
import Testing

@testable import AgentBackend

@Suite struct OperationRecordTests {
    @Test func aSubjectIsCutBetweenCharacters() {
        let text = "x" + String(repeating: "é", count: 600)
        let (record, isCut) = OperationRecord(operation: "exec", subject: text).withBoundedSubject()
        #expect(isCut)
        #expect(record.subject == "x" + String(repeating: "é", count: 511))
        let (whole, isWholeCut) = OperationRecord(operation: "exec", subject: "é").withBoundedSubject()
        #expect(!isWholeCut)
        #expect(whole.subject == "é")
    }

    @Test func anExcerptIsTheFirstBytes() {
        var excerpt = OutputExcerpt(limit: 5)
        excerpt.append(ByteBuffer(string: "abc"))
        excerpt.append(ByteBuffer(string: "defg"))
        excerpt.append(ByteBuffer(string: "h"))
        #expect(excerpt.bytes == Array("abcde".utf8))
        var large = OutputExcerpt()
        large.append(ByteBuffer(repeating: 1, count: 1000))
        #expect(large.bytes.count == 256)
        var none = OutputExcerpt(limit: -1)
        none.append(ByteBuffer(string: "a"))
        #expect(none.bytes.isEmpty)
    }

    @Test func standardModeRecordsWhatChangesSomething() {
        #expect(OperationsLogMode.standard.records(isModifying: true))
        #expect(!OperationsLogMode.standard.records(isModifying: false))
        #expect(OperationsLogMode.verbose.records(isModifying: false))
    }
}

@Suite struct OperationLineTests {
    @Test func jsonHoldsAllThatIsKnown() {
        let record = OperationRecord(
            operation: "exec",
            org: "acme",
            key: "ci",
            scope: "a/b",
            subject: "printf '\"'\n",
            failure: .execFailed,
            duration: .microseconds(1500),
            bytes: 7,
            exitCode: 3,
            standardOutput: Array("out\n".utf8),
            standardError: [0x65, 0xff],
            time: 1_795_422_891_905_775_915
        )
        #expect(
            Self.text(OperationLine.json.bytes(record))
                == #"{"time":"2026-11-23T08:34:51.905775Z","org":"acme","key":"ci","scope":"a/b","operation":"exec","#
                + #""subject":"printf '\"'\u000a","ok":false,"error":"EXEC_FAILED","exit_code":3,"duration_us":1500,"#
                + #""bytes":7,"stdout":"out\u000a","stderr":"e\#u{fffd}"}"# + "\n"
        )
    }

    @Test func jsonLeavesOutWhatSaysNothing() {
        let record = OperationRecord(operation: "read", subject: "x", time: -1)
        #expect(
            Self.text(OperationLine.json.bytes(record))
                == #"{"time":"1969-12-31T23:59:59.999999Z","org":"","key":"","operation":"read","subject":"x","#
                + #""ok":true,"duration_us":0,"bytes":0}"# + "\n"
        )
        #expect(
            Self.text(OperationLine.json.bytes(missing: 3, at: 0))
                == #"{"time":"1970-01-01T00:00:00.000000Z","dropped":3}"# + "\n"
        )
    }

    @Test(
        arguments: [
            (
                OperationRecord(operation: "exec", subject: "pip install -r requirements.txt"),
                "exec: pip install -r requirements.txt"
            ),
            (OperationRecord(operation: "exec", subject: "true", exitCode: 0), "exec: true"),
            (OperationRecord(operation: "exec", subject: "false", exitCode: 1), "exec: false (exit 1)"),
            (OperationRecord(operation: "rm", subject: "x", failure: .permissionDenied), "rm: x (PERMISSION_DENIED)"),
            (OperationRecord(operation: "exec", subject: "a\n\u{1b}[2J"), "exec: a\\x0a\\x1b[2J"),
        ]
    )
    func theConsoleShowsOneLine(_ record: OperationRecord, _ expected: String) {
        #expect(OperationLine.console(record) == "[AgentBackend] " + expected)
    }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
