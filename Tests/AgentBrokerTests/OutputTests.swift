import AgentBackend
import Testing

@testable import agent_broker

@Suite struct OutputTests {
    /// The examples of RFC 4648 section 10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func base64(text: String, encoded: String) {
        #expect(Base64.text(Array(text.utf8)) == encoded)
        #expect(Base64.bytes(encoded) == Array(text.utf8))
    }

    /// What is not the one way to write some bytes is none.
    @Test(arguments: [
        "A", "Zg=", "A===", "====", "Z=g=", "Zg==Zg==", "Zh==", "Zm9=", "Zm 9", "Zm9v\n", "Zm9\u{7f}", "Zmü", "Zm-_",
    ])
    func noBase64(text: String) {
        #expect(Base64.bytes(text) == nil)
    }

    @Test func allDigitsOfBase64() {
        #expect(Base64.text([0xfb, 0xff, 0xbf] as [UInt8]) == "+/+/")
        let all = Array(UInt8.min...UInt8.max)
        #expect(Base64.bytes(Base64.text(all)) == all)
    }

    @Test func bytesThatAreNoTextGetAnotherName() {
        var line = JSONLine()
        line.add("a", orBase64: "a_base64", Array("ü\n\"".utf8))
        line.add("b", orBase64: "b_base64", [0xff] as [UInt8])
        #expect(String(decoding: line.text, as: UTF8.self) == #"{"a":"ü\u000a\"","b_base64":"/w=="}"#)
    }

    @Test(arguments: [
        (Duration.zero, "0s"), (.microseconds(900), "0s"), (.milliseconds(12), "12ms"), (.milliseconds(2590), "2.5s"),
        (.seconds(60), "1m0s"), (.seconds(3725), "1h2m"), (.seconds(26 * 3600), "1d2h"),
    ])
    func shortTimes(duration: Duration, text: String) {
        #expect(ShortTime(duration: duration).text == text)
    }

    @Test func aLineOfALogIsForPeople() {
        let json =
            #"{"time":"t","org":"a","key":"k","scope":"s","operation":"exec","subject":"x\u001b","ok":true,"#
            + #""exit_code":2,"duration_us":7,"bytes":0}"#
        #expect(LogLine(json: json)?.text == #"t a/k/s exec x\x1b (exit 2) 7us"#)
        #expect(LogLine(json: #"{"time":"t","dropped":3}"#)?.text.contains("3 operations are missing") == true)
        #expect(LogLine(json: "nonsense") == nil)
    }

    @Test(arguments: [
        (FileInfo.Kind.regular, UInt32(0o644), "-rw-r--r--"),
        (.directory, 0o755, "drwxr-xr-x"),
        (.symbolicLink, 0o777, "lrwxrwxrwx"),
        (.regular, 0o4755, "-rwsr-xr-x"),
        (.regular, 0o6600, "-rwS--S---"),
        (.directory, 0o1777, "drwxrwxrwt"),
        (.directory, 0o1776, "drwxrwxrwT"),
        (.regular, 0, "----------"),
    ])
    func permissionsAreAsLsShowsThem(kind: FileInfo.Kind, permissions: UInt32, expected: String) {
        let info = FileInfo(
            kind: kind,
            size: 17,
            modifiedNanoseconds: 1_700_000_000_999_999_999,
            permissions: permissions
        )
        #expect(FileDetails(info: info).text == "\(expected)           17 2023-11-14T22:13:20Z")
    }

    @Test func octal() {
        #expect(FileDetails.octal(0o644) == "0644")
        #expect(FileDetails.octal(0) == "0000")
        #expect(FileDetails.octal(0o4755) == "4755")
    }

    @Test(
        arguments: [
            ("0644", 0o644), ("600", 0o600), ("7777", 0o7777), ("0", nil), ("8", nil), ("10000", nil), ("-1", nil),
            ("", nil),
        ] as [(String, UInt32?)]
    )
    func modes(text: String, bits: UInt32?) {
        #expect(FileMode(argument: text)?.bits == bits)
    }

    @Test(arguments: [
        ("500ms", Duration.milliseconds(500)), ("5s", .seconds(5)), ("2m", .seconds(120)), ("5", nil), ("0s", nil),
        ("-1s", nil), ("s", nil),
    ])
    func times(text: String, duration: Duration?) {
        #expect(TimeArgument(argument: text)?.duration == duration)
    }
}

@Suite struct ExitStatusTests {
    @Test(arguments: [
        (BackendError.Code.readFailed, Int32(1)), (.execError, 1), (.keyNotFound, 1),
        (.invalidArgument, 64), (.emptyCommand, 64), (.conflict, 73), (.dangerousOperation, 77),
        (.connectionClosed, 69), (.shuttingDown, 69), (.internal, 70), (.protocolError, 70), (.resourceExhausted, 75),
        (.authFailed, 77), (.permissionDenied, 77), (.invalidConfiguration, 78),
    ])
    func everyFailureHasItsNumber(code: BackendError.Code, status: Int32) {
        #expect(ExitStatus(BackendError(code, message: "")).rawValue == status)
        #expect(ExitStatus.help.contains("\n    \(status) ") || ExitStatus.help.contains("\n  \(status) "))
    }

    @Test func signalsAreAsAShellReportsThem() {
        #expect(ExitStatus.signal(2).rawValue == 130)
        #expect(ExitStatus.signal(15).rawValue == 143)
    }
}
