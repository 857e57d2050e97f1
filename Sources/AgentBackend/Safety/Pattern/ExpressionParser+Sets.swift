// Sets of characters, and what a backslash begins.
extension ExpressionParser {
    mutating func set(from start: Int) throws(ExpressionFault) -> ExpressionNode {
        let isNegated = skip("^")
        var set = ByteSet()
        var isFirst = true
        while true {
            guard let byte = peek else { throw fault("this set does not end: add \"]\"", at: start) }
            if byte == UInt8(ascii: "]"), !isFirst { break }
            isFirst = false
            let place = offset
            guard let lower = try member(into: &set) else { continue }
            guard peek == UInt8(ascii: "-"), offset + 1 < bytes.count, bytes[offset + 1] != UInt8(ascii: "]") else {
                set.insert(lower)
                continue
            }
            offset += 1
            guard let upper = try member(into: &set), lower <= upper else {
                throw fault("this range has no end, or ends before it begins", at: place)
            }
            for byte in lower...upper { set.insert(byte) }
        }
        offset += 1
        return isNegated ? .character(outside: cased(set)) : .bytes(cased(set))
    }

    /// One character of a set. Nil: it stood for several, which are in it now.
    private mutating func member(into set: inout ByteSet) throws(ExpressionFault) -> UInt8? {
        let start = offset
        guard let byte = peek else { return nil }
        offset += 1
        guard byte < 0x80 else { throw fault("a set holds ASCII characters only: use (…|…)", at: start) }
        guard byte == UInt8(ascii: "\\") else { return byte }
        switch try escaped(from: start) {
        case .one(let byte):
            guard byte < 0x80 else { throw fault("a set holds ASCII characters only: use (…|…)", at: start) }
            return byte
        case .some(let bytes):
            set.formUnion(bytes)
            return nil
        case .allBut, .assertion: throw fault("this has no meaning inside of [ ]", at: start)
        }
    }

    mutating func escape(from start: Int) throws(ExpressionFault) -> ExpressionNode {
        switch try escaped(from: start) {
        case .one(let byte): one(byte)
        case .some(let set): .bytes(set)
        case .allBut(let set): .character(outside: set)
        case .assertion(let assertion): .assertion(assertion)
        }
    }

    private enum Escaped {
        case one(UInt8)
        case some(ByteSet)
        case allBut(ByteSet)
        case assertion(RegularExpression.Assertion)
    }

    private mutating func escaped(from start: Int) throws(ExpressionFault) -> Escaped {
        guard let byte = peek else { throw fault("a backslash at the end escapes nothing: write \\\\", at: start) }
        offset += 1
        switch byte {
        case UInt8(ascii: "d"): return .some(.digits)
        case UInt8(ascii: "D"): return .allBut(.digits)
        case UInt8(ascii: "w"): return .some(.wordCharacters)
        case UInt8(ascii: "W"): return .allBut(.wordCharacters)
        case UInt8(ascii: "s"): return .some(.spaces)
        case UInt8(ascii: "S"): return .allBut(.spaces)
        case UInt8(ascii: "b"): return .assertion(.wordBoundary)
        case UInt8(ascii: "B"): return .assertion(.noWordBoundary)
        case UInt8(ascii: "n"): return .one(UInt8(ascii: "\n"))
        case UInt8(ascii: "t"): return .one(UInt8(ascii: "\t"))
        case UInt8(ascii: "r"): return .one(UInt8(ascii: "\r"))
        case UInt8(ascii: "x"):
            let digits = String(decoding: bytes[offset...].prefix(2), as: UTF8.self)
            guard digits.utf8.count == 2, let value = UInt8(digits, radix: 16) else {
                throw fault("two hexadecimal digits follow \\x", at: start)
            }
            offset += 2
            return .one(value)
        default:
            guard byte < 0x80, !ByteSet.wordCharacters.contains(byte) else {
                throw fault("this escape is not known here; back-references are not either", at: start)
            }
            return .one(byte)
        }
    }
}
