import NIOCore
import Testing

@testable import AgentBackend

@Suite struct EnvironmentTests {
    @Test func laterLayersWin() throws {
        let org = try Environment(["A": "org", "B": "org"])
        let call = try Environment(["C": "call", "A": "call"])
        let merged = org.merging(call)
        #expect(Self.text(merged) == ["A=call", "B=org", "C=call"])
        #expect(org.merging(Environment()) == org)
        #expect(Environment().merging(org) == org)
        #expect(Environment().merging(Environment()).isEmpty)
        var changed = merged
        try changed.set(Array("B".utf8), to: [0xff])
        #expect(changed.variables[1].value == [0xff])
        #expect(changed != merged)
        try changed.set(Array("B".utf8), to: Array("org".utf8))
        #expect(changed == merged)
    }

    @Test func refusesWhatTheKernelCannotPassOn() {
        var environment = Environment()
        for (name, value) in [("", "x"), ("A=B", "x"), ("A\0", "x"), ("A", "x\0y")] {
            let error = #expect(throws: BackendError.self) {
                try environment.set(Array(name.utf8), to: Array(value.utf8))
            }
            #expect(error?.code == .invalidArgument)
        }
        #expect(environment.isEmpty)
    }

    /// A peer may send very many: this would not end if each were compared with all before it.
    @Test func takesVeryManyVariables() throws {
        var environment = Environment()
        for number in 0..<200_000 { try environment.set(Array("V\(number)".utf8), to: []) }
        let merged = environment.merging(environment)
        #expect(merged.variables.count == 200_000)
    }

    private static func text(_ environment: Environment) -> [String] {
        environment.variables.map { String(decoding: $0.name + Array("=".utf8) + $0.value, as: UTF8.self) }
    }
}

@Suite struct NameTests {
    @Test(arguments: ["a", "Z", "0", "a.b_c~d-e", "a..", "x" + String(repeating: "-", count: 127)])
    func isAName(_ name: String) throws {
        try Name.validate(name, kind: "key")
    }

    @Test(arguments: [
        "", ".", "..", ".a", "-a", "_a", "~a", "a/b", "a b", "a\0", "a\n", "é", "aé", "a:b", "a%2f",
        "x" + String(repeating: "y", count: 128),
    ])
    func isNoName(_ name: String) throws {
        let error = #expect(throws: BackendError.self) { try Name.validate(name, kind: "org") }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.hasPrefix("org") == true)
    }
}

@Suite struct JSONLineTests {
    @Test func isOneObjectOnOneLine() {
        #expect(JSONLine().text == Array("{}".utf8))
        var line = JSONLine()
        line.add("text", "a \"quoted\" \\ é\n\t\u{0}\u{1f}\u{7f}")
        line.add("number", -5)
        line.add("large", UInt64.max)
        line.add("flag", true)
        line.add("list", ["a", "\""])
        line.add("empty", [])
        var inner = JSONLine()
        inner.add("x", false)
        line.add("object", inner)
        let expected =
            #"{"text":"a \"quoted\" \\ é\u000a\u0009\u0000\u001f\u007f","number":-5,"#
            + #""large":18446744073709551615,"flag":true,"list":["a","\""],"empty":[],"object":{"x":false}}"#
        #expect(String(decoding: line.text, as: UTF8.self) == expected)
    }
}

@Suite struct DurationTests {
    @Test(
        arguments: [
            (Duration.zero, 0, 0), (.milliseconds(-1), 0, 0), (.microseconds(1999), 1, 1999), (.nanoseconds(999), 0, 0),
            (.seconds(3), 3000, 3_000_000), (.seconds(Int64.max), .max, .max),
            // Its product fits and its sum does not.
            (.milliseconds(999) + .seconds(Int64(UInt64.max / 1000)), .max, .max),
        ] as [(Duration, UInt64, UInt64)]
    )
    func isRoundedDown(_ duration: Duration, _ milliseconds: UInt64, _ microseconds: UInt64) {
        #expect(duration.inMilliseconds == milliseconds)
        #expect(duration.inMicroseconds == microseconds)
    }
}

@Suite struct BackendErrorTests {
    @Test func namesTheOperationThatMetItFirst() {
        let error = BackendError(.readFailed, reason: .notFound, systemErrno: 2, message: "gone", isRetryable: true)
        let during = error.during("read").during("grep")
        #expect(during.operation == "read")
        #expect("\(during)" == "READ_FAILED (NOT_FOUND) read: gone")
        #expect(during.systemErrno == 2)
        #expect(during.isRetryable)
        #expect("\(BackendError.Code(rawValue: 9999))" == "ERROR_9999")
    }

    @Test func escapesArePrintedAsText() {
        let error = BackendError.pathEscape(Array("../\u{1b}[2J".utf8))
        #expect(error.message.contains("../\\x1b[2J"))
    }
}
