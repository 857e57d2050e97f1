import Testing

@testable import AgentBackend

@Suite struct ShellParserTests {
    /// A word, and what it consists of.
    @Test(
        arguments: [
            ("abc", [.text("abc")]), ("a'b c'\"d\"\\e", [.text("ab cde")]), ("\"\"", []), ("'a", [.text("a")]),
            ("\"a\\\"b\\c\\$d\"", [.text("a\"b\\c$d")]), ("a\\\nb", [.text("ab")]), ("$'a\\n\\'b'", [.text("a\n'b")]),
            ("$\"a\"", [.text("a")]), ("a$", [.text("a$")]), ("a#b", [.text("a#b")]), ("\\", [.text("\\")]),
            ("~", [.home("")]), ("~me/x", [.home("me"), .text("/x")]), ("a~", [.text("a~")]), ("~'x'", [.text("~x")]),
            ("\"~\"", [.text("~")]), ("\"\"~", [.text("~")]), ("*.c", [.wildcard("*"), .text(".c")]),
            ("\"*\"?", [.text("*"), .wildcard("?")]), ("$A/b", [.parameter("A"), .text("/b")]),
            ("\"${A}b\"", [.parameter("A"), .text("b")]), ("'$A'", [.text("$A")]),
            ("$1$@", [.parameter("1"), .parameter("@")]),
            ("${A:-b}", [.parameter("A")]), ("${A%b}", [.parameter("")]), ("${#A}", [.parameter("")]),
            ("${!A}", [.parameter("")]),
            ("${A:-'}'}b", [.parameter("A"), .text("b")]),
        ] as [(String, [ShellWord.Piece])]
    )
    func aWordWithoutItsQuotes(_ text: String, _ pieces: [ShellWord.Piece]) {
        #expect(ShellParser.parse(Array(text.utf8)).events == [.command(Self.command(ShellWord(pieces: pieces)))])
    }

    @Test func commandsAndWhatStandsBetweenThem() {
        let text = "a b | c &\nif d; then { e; } fi; (f) # g\nh() { i; }"
        #expect(
            ShellParser.parse(Array(text.utf8)).events == [
                .command(Self.command("a", "b")), .pipe, .command(Self.command("c")), .end(isBackground: true),
                .end(isBackground: false),
                .open(isSubshell: false), .command(Self.command("d")), .end(isBackground: false),
                .open(isSubshell: false), .command(Self.command("e")), .end(isBackground: false), .close, .close,
                .end(isBackground: false),
                .open(isSubshell: true), .command(Self.command("f")), .close, .end(isBackground: false),
                .function(Array("h".utf8)),
                .open(isSubshell: false), .command(Self.command("i")), .end(isBackground: false), .close,
            ]
        )
    }

    @Test func assignmentsAndRedirectionsAreNoArguments() {
        let text = "A=1 B+=$(x) c D=2 <in 2>>out >&1 3<<<here <<EOF\nd\nEOF"
        let inner = ShellScript(events: [.command(Self.command("x")), .end(isBackground: false)])
        var command = Self.command("c", "D=2")
        command.assignments = [
            ShellWord(literal: "A=1".utf8), ShellWord(pieces: [.text("B+="), .script(inner)]),
        ]
        command.redirections = [
            .init(kind: .input, target: ShellWord(literal: "in".utf8)),
            .init(kind: .output, target: ShellWord(literal: "out".utf8)),
            .init(kind: .output, target: ShellWord(literal: "1".utf8)),
            .init(kind: .hereString, target: ShellWord(literal: "here".utf8)),
        ]
        #expect(ShellParser.parse(Array(text.utf8)).events == [.command(command), .end(isBackground: false)])
    }

    /// As a program of its own the word means what it meant.
    @Test(arguments: ["a b", "rm -rf $HOME/*", "~/x?", "${A}b"])
    func aWordIsWrittenOutAgain(_ text: String) {
        let quoted = ShellParser.parse(Array("\"\(text)\"".utf8)).events
        let plain = ShellParser.parse(Array(text.replacing(" ", with: "\\ ").utf8)).events
        for case .command(let command) in quoted + plain {
            let source = String(decoding: command.words[0].source, as: UTF8.self)
            #expect(source.replacing("{", with: "").replacing("}", with: "") == text.filter { $0 != "{" && $0 != "}" })
        }
    }

    private static func command(_ words: String...) -> ShellCommand {
        var command = ShellCommand()
        command.words = words.map { ShellWord(literal: $0.utf8) }
        return command
    }

    private static func command(_ word: ShellWord) -> ShellCommand {
        var command = ShellCommand()
        command.words = [word]
        return command
    }
}

extension ShellWord.Piece {
    fileprivate static func text(_ text: String) -> Self { .text(Array(text.utf8)) }
    fileprivate static func home(_ user: String) -> Self { .home(user: Array(user.utf8)) }
    fileprivate static func parameter(_ name: String) -> Self { .parameter(Array(name.utf8)) }
    fileprivate static func wildcard(_ character: String) -> Self { .wildcard(character.utf8.first ?? 0) }
}
