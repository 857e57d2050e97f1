/// Reads a POSIX shell program, and what of bash is common, without running or expanding anything.
///
/// Takes any bytes: what no shell would accept gives some commands or none. One pass over the text; what is nested
/// deeper than ``maximumDepth`` is not looked into. A courtesy to people, like all that is built on it: what a program
/// does shows when it runs.
struct ShellParser {
    /// Nested substitutions and programs in words of programs.
    static let maximumDepth = 16

    let text: [UInt8]
    var position = 0
    var depth: Int
    /// Here-documents whose bodies begin on the next line.
    var documents: [HereDocument] = []

    private init(_ text: [UInt8], depth: Int) {
        self.text = text
        self.depth = depth
    }

    /// `depth`: of what surrounds the text.
    static func parse(_ text: [UInt8], depth: Int = 0) -> ShellScript {
        guard depth < maximumDepth else { return ShellScript() }
        var parser = ShellParser(text, depth: depth)
        var body = ShellScriptBuilder()
        parser.parse(into: &body)
        return body.script()
    }

    /// The commands of a substitution, up to its closing parenthesis and with it.
    mutating func substitution(isArithmetic: Bool = false) -> ShellScript {
        depth += 1
        defer { depth -= 1 }
        guard depth < Self.maximumDepth else {
            position = text.count
            return ShellScript()
        }
        var body = ShellScriptBuilder(endsAtParenthesis: true, isArithmetic: isArithmetic)
        parse(into: &body)
        return body.script()
    }

    private mutating func parse(into body: inout ShellScriptBuilder) {
        while let byte = peek {
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\t"): position += 1
            case UInt8(ascii: "#") where !body.isArithmetic: skipComment()
            case UInt8(ascii: "\n"):
                body.endLine()
                position += 1
                skipDocuments()
            case UInt8(ascii: ";"):
                body.endPipeline()
                while peek == UInt8(ascii: ";") || peek == UInt8(ascii: "&") { position += 1 }
            case UInt8(ascii: "&"): ampersand(&body)
            case UInt8(ascii: "|"):
                position += 1
                if skip("|") {
                    body.endPipeline()
                } else {
                    skip("&")
                    body.pipe()
                }
            case UInt8(ascii: "("): parenthesis(&body)
            case UInt8(ascii: ")"):
                position += 1
                if body.closeParenthesis() { return }
            case UInt8(ascii: "<") where next != UInt8(ascii: "("),
                UInt8(ascii: ">") where next != UInt8(ascii: "("):
                redirection(&body)
            case UInt8(ascii: "\\") where next == UInt8(ascii: "\n"): position += 2
            default: word(&body)
            }
        }
    }

    private mutating func ampersand(_ body: inout ShellScriptBuilder) {
        position += 1
        if skip("&") {
            body.endPipeline()
        } else if peek == UInt8(ascii: ">") {
            redirection(&body)
        } else {
            body.endPipeline(isBackground: true)
        }
    }

    private mutating func parenthesis(_ body: inout ShellScriptBuilder) {
        position += 1
        if body.mayNameFunction {
            skipBlanks()
            if skip(")") { return body.nameFunction() }
        }
        body.openParenthesis(isArithmetic: peek == UInt8(ascii: "("))
    }

    private mutating func word(_ body: inout ShellScriptBuilder) {
        let builder = readWord()
        if builder.isDescriptorNumber, peek == UInt8(ascii: "<") || peek == UInt8(ascii: ">") { return }
        guard builder.isAssignment, body.isAtCommand, peek == UInt8(ascii: "(") else { return body.add(builder) }
        body.add(list(of: builder))
    }

    /// The words of `NAME=( … )`, which are no command.
    private mutating func list(of assignment: ShellWordBuilder) -> ShellWordBuilder {
        var assignment = assignment
        position += 1
        while let byte = peek, byte != UInt8(ascii: ")") {
            switch byte {
            case UInt8(ascii: "#"): skipComment()
            case UInt8(ascii: ";"), UInt8(ascii: "&"), UInt8(ascii: "|"), UInt8(ascii: "("), UInt8(ascii: " "),
                UInt8(ascii: "\t"), UInt8(ascii: "\n"):
                position += 1
            case UInt8(ascii: "<") where next != UInt8(ascii: "("),
                UInt8(ascii: ">") where next != UInt8(ascii: "("):
                position += 1
            default: assignment.appendScripts(of: readWord().word())
            }
        }
        skip(")")
        return assignment
    }

    private mutating func redirection(_ body: inout ShellScriptBuilder) {
        if skip("<<<") {
            skipBlanks()
            return body.redirect(.hereString, to: readWord().word())
        }
        if !body.isArithmetic, skip("<<") {
            let stripsTabs = skip("-")
            skipBlanks()
            return documents.append(HereDocument(delimiter: readWord().word().source, stripsTabs: stripsTabs))
        }
        let isInput = peek == UInt8(ascii: "<")
        position += 1
        if peek == UInt8(ascii: ">") || peek == UInt8(ascii: "|") || peek == UInt8(ascii: "&") { position += 1 }
        skipBlanks()
        body.redirect(isInput ? .input : .output, to: readWord().word())
    }

    // MARK: The text

    var peek: UInt8? { position < text.count ? text[position] : nil }

    var next: UInt8? { position + 1 < text.count ? text[position + 1] : nil }

    @discardableResult
    mutating func skip(_ expected: String) -> Bool {
        guard text[position...].starts(with: expected.utf8) else { return false }
        position += expected.utf8.count
        return true
    }

    private mutating func skipBlanks() {
        while true {
            if peek == UInt8(ascii: " ") || peek == UInt8(ascii: "\t") {
                position += 1
            } else if !skip("\\\n") {
                return
            }
        }
    }

    private mutating func skipComment() {
        while let byte = peek, byte != UInt8(ascii: "\n") { position += 1 }
    }
}
