/// A word in the making.
struct ShellWordBuilder {
    private var pieces: [ShellWord.Piece] = []
    private var text: [UInt8] = []
    /// Nothing of it was quoted or is to be expanded: it may be a reserved word.
    private(set) var isPlain = true
    /// It begins with `NAME=` or `NAME+=`.
    private(set) var isAssignment = false
    private var hasEqualsSign = false

    /// Nothing has been read yet, not even an empty pair of quotes.
    var isUntouched: Bool { pieces.isEmpty && text.isEmpty && isPlain }

    /// A number in front of a redirection.
    var isDescriptorNumber: Bool { isPlain && !text.isEmpty && text.allSatisfy(ByteSet.digits.contains) }

    var plainText: [UInt8]? { isPlain ? text : nil }

    /// A byte that no quote protects and that means nothing special.
    mutating func append(plain byte: UInt8) {
        if byte == UInt8(ascii: "="), !hasEqualsSign {
            hasEqualsSign = true
            isAssignment = isPlain && Self.isName(text.last == UInt8(ascii: "+") ? text.dropLast() : text[...])
        }
        text.append(byte)
    }

    mutating func append(quoted byte: UInt8) {
        isPlain = false
        text.append(byte)
    }

    mutating func append(quoted bytes: ArraySlice<UInt8>) {
        isPlain = false
        text += bytes
    }

    mutating func append(_ piece: ShellWord.Piece) {
        isPlain = false
        flush()
        pieces.append(piece)
    }

    /// Scripts of another word, which are run wherever its text ends up.
    mutating func appendScripts(of word: ShellWord) {
        for piece in word.pieces {
            if case .script = piece { append(piece) }
        }
    }

    consuming func word() -> ShellWord {
        flush()
        return ShellWord(pieces: pieces)
    }

    private mutating func flush() {
        guard !text.isEmpty else { return }
        pieces.append(.text(text))
        text = []
    }

    static func isName(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let first = bytes.first, !ByteSet.digits.contains(first) else { return false }
        return bytes.allSatisfy(ByteSet.wordCharacters.contains)
    }
}
