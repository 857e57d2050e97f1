// Words, their quotes and what is expanded in them.
extension ShellParser {
    /// The word that begins here; untouched where none does. Only then is nothing taken.
    mutating func readWord() -> ShellWordBuilder {
        var word = ShellWordBuilder()
        while let byte = peek {
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: ";"), UInt8(ascii: "&"),
                UInt8(ascii: "|"), UInt8(ascii: "("), UInt8(ascii: ")"):
                return word
            case UInt8(ascii: "<"), UInt8(ascii: ">"):
                guard next == UInt8(ascii: "(") else { return word }
                position += 2
                word.append(.script(substitution()))
            case UInt8(ascii: "\\"): escape(into: &word)
            case UInt8(ascii: "'"): singleQuotes(into: &word)
            case UInt8(ascii: "\""): doubleQuotes(into: &word)
            case UInt8(ascii: "$"): expansion(into: &word, isQuoted: false)
            case UInt8(ascii: "`"): backquotes(into: &word)
            case UInt8(ascii: "*"), UInt8(ascii: "?"):
                position += 1
                word.append(.wildcard(byte))
            case UInt8(ascii: "~") where word.isUntouched: home(into: &word)
            default:
                position += 1
                word.append(plain: byte)
            }
        }
        return word
    }

    private mutating func escape(into word: inout ShellWordBuilder) {
        guard let escaped = next else {
            position += 1
            return word.append(quoted: UInt8(ascii: "\\"))
        }
        position += 2
        // A line that goes on.
        if escaped != UInt8(ascii: "\n") { word.append(quoted: escaped) }
    }

    private mutating func singleQuotes(into word: inout ShellWordBuilder) {
        position += 1
        let start = position
        while let byte = peek, byte != UInt8(ascii: "'") { position += 1 }
        word.append(quoted: text[start..<position])
        skip("'")
    }

    private mutating func doubleQuotes(into word: inout ShellWordBuilder) {
        position += 1
        word.append(quoted: [])
        while let byte = peek, byte != UInt8(ascii: "\"") {
            switch byte {
            case UInt8(ascii: "\\"):
                if let next, !#"$`"\"#.utf8.contains(next), next != UInt8(ascii: "\n") {
                    word.append(quoted: byte)
                }
                escape(into: &word)
            case UInt8(ascii: "$"): expansion(into: &word, isQuoted: true)
            case UInt8(ascii: "`"): backquotes(into: &word)
            default:
                position += 1
                word.append(quoted: byte)
            }
        }
        skip("\"")
    }

    /// `~` or `~user`, which a slash or the end of the word follows.
    private mutating func home(into word: inout ShellWordBuilder) {
        let start = position + 1
        var end = start
        while end < text.count, Self.userCharacters.contains(text[end]) { end += 1 }
        guard end == text.count || "/ \t\n;&|()<>".utf8.contains(text[end]) else {
            position += 1
            return word.append(quoted: UInt8(ascii: "~"))
        }
        position = end
        word.append(.home(user: Array(text[start..<end])))
    }

    private static let userCharacters: ByteSet = {
        var set = ByteSet.wordCharacters
        set.formUnion(ByteSet(".+-".utf8))
        return set
    }()

    // MARK: Expansions

    private mutating func expansion(into word: inout ShellWordBuilder, isQuoted: Bool) {
        position += 1
        switch peek {
        case UInt8(ascii: "("):
            position += 1
            word.append(.script(substitution(isArithmetic: peek == UInt8(ascii: "("))))
        case UInt8(ascii: "{"):
            position += 1
            parameterExpression(into: &word, isQuoted: isQuoted)
        case UInt8(ascii: "'") where !isQuoted: ansiQuotes(into: &word)
        // A translated string is a string.
        case UInt8(ascii: "\"") where !isQuoted: break
        case let byte? where ByteSet.wordCharacters.contains(byte) || Self.specialParameters.contains(byte):
            word.append(.parameter(parameterName()))
        default: word.append(quoted: UInt8(ascii: "$"))
        }
    }

    private static let specialParameters = ByteSet("@*#?-$!".utf8)

    /// A name, or the one character of a special or positional parameter.
    private mutating func parameterName() -> [UInt8] {
        let start = position
        if let byte = peek, ByteSet.wordCharacters.contains(byte), !ByteSet.digits.contains(byte) {
            while let byte = peek, ByteSet.wordCharacters.contains(byte) { position += 1 }
        } else if peek != nil {
            position += 1
        }
        return Array(text[start..<position])
    }

    /// What follows `${`.
    private mutating func parameterExpression(into word: inout ShellWordBuilder, isQuoted: Bool) {
        depth += 1
        defer { depth -= 1 }
        guard depth < Self.maximumDepth else {
            position = text.count
            return
        }
        let isLengthOrIndirect = peek == UInt8(ascii: "#") || peek == UInt8(ascii: "!")
        let name = peek == UInt8(ascii: "}") ? [] : parameterName()
        skip(":")
        // With these, what a variable holds goes first.
        let holdsValue = peek.map { "}-=?".utf8.contains($0) } ?? true
        word.append(.parameter(holdsValue && !isLengthOrIndirect ? name : []))
        var rest = ShellWordBuilder()
        while let byte = peek, byte != UInt8(ascii: "}") {
            switch byte {
            case UInt8(ascii: "\\"): escape(into: &rest)
            case UInt8(ascii: "'") where !isQuoted: singleQuotes(into: &rest)
            case UInt8(ascii: "\""): doubleQuotes(into: &rest)
            case UInt8(ascii: "$"): expansion(into: &rest, isQuoted: isQuoted)
            case UInt8(ascii: "`"): backquotes(into: &rest)
            default: position += 1
            }
        }
        skip("}")
        word.appendScripts(of: rest.word())
    }

    /// `$'…'`. Of its escapes only those that name a character as it is, a line feed and a tab are understood.
    private mutating func ansiQuotes(into word: inout ShellWordBuilder) {
        position += 1
        word.append(quoted: [])
        while let byte = peek, byte != UInt8(ascii: "'") {
            position += 1
            guard byte == UInt8(ascii: "\\"), let escaped = peek else {
                word.append(quoted: byte)
                continue
            }
            position += 1
            switch escaped {
            case UInt8(ascii: "n"): word.append(quoted: UInt8(ascii: "\n"))
            case UInt8(ascii: "t"): word.append(quoted: UInt8(ascii: "\t"))
            default: word.append(quoted: escaped)
            }
        }
        skip("'")
    }

    /// Their content is a program of its own, without the backslashes that protect it.
    private mutating func backquotes(into word: inout ShellWordBuilder) {
        position += 1
        var content: [UInt8] = []
        while let byte = peek, byte != UInt8(ascii: "`") {
            position += 1
            if byte == UInt8(ascii: "\\"), let escaped = peek, "`\\$".utf8.contains(escaped) {
                content.append(escaped)
                position += 1
            } else {
                content.append(byte)
            }
        }
        skip("`")
        word.append(.script(Self.parse(content, depth: depth + 1)))
    }
}
