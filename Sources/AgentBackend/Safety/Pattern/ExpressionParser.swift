/// What a pattern says.
indirect enum ExpressionNode {
    case empty
    case bytes(ByteSet)
    case assertion(RegularExpression.Assertion)
    case sequence([ExpressionNode])
    case choice([ExpressionNode])
    case repeated(ExpressionNode, minimum: Int, maximum: Int?)

    /// One character that is not in an ASCII set: of one byte, or of several.
    static func character(outside set: ByteSet) -> ExpressionNode {
        .sequence([
            .bytes(set.complementOfASCII),
            .repeated(.bytes(.continuations), minimum: 0, maximum: nil),
        ])
    }
}

/// Reads the pattern of a ``RegularExpression``.
struct ExpressionParser {
    let bytes: [UInt8]
    var offset = 0
    private var depth = 0
    private var ignoresCase = false

    private static let maximumDepth = 32
    private static let maximumRepetition = 1000

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func parse() throws(ExpressionFault) -> ExpressionNode {
        if skip("(?i)") { ignoresCase = true }
        let node = try choice()
        guard offset == bytes.count else { throw fault("there is no \"(\" for this \")\"") }
        return node
    }

    private mutating func choice() throws(ExpressionFault) -> ExpressionNode {
        var branches = [try sequence()]
        while skip("|") { branches.append(try sequence()) }
        return branches.count == 1 ? branches[0] : .choice(branches)
    }

    private mutating func sequence() throws(ExpressionFault) -> ExpressionNode {
        var nodes: [ExpressionNode] = []
        while let byte = peek, byte != UInt8(ascii: "|"), byte != UInt8(ascii: ")") {
            nodes.append(try quantified(try atom()))
        }
        return nodes.isEmpty ? .empty : .sequence(nodes)
    }

    private mutating func quantified(_ node: ExpressionNode) throws(ExpressionFault) -> ExpressionNode {
        let start = offset
        guard let (minimum, maximum) = try quantifier() else { return node }
        if case .assertion = node { throw fault("there is nothing to repeat before it", at: start) }
        if peek == UInt8(ascii: "?") { throw fault("lazy repetition is not known here: what is found is the longest") }
        let end = offset
        if try quantifier() != nil { throw fault("it repeats a repetition: put the inner one into ( )", at: end) }
        return .repeated(node, minimum: minimum, maximum: maximum)
    }

    /// Nil: none is here.
    private mutating func quantifier() throws(ExpressionFault) -> (Int, Int?)? {
        if skip("*") { return (0, nil) }
        if skip("+") { return (1, nil) }
        if skip("?") { return (0, 1) }
        let start = offset
        guard skip("{"), let minimum = number() else {
            // A brace that counts nothing stands for itself.
            offset = start
            return nil
        }
        var maximum: Int? = minimum
        if skip(",") { maximum = number() }
        guard skip("}") else {
            offset = start
            return nil
        }
        guard minimum <= maximum ?? minimum else { throw fault("the smaller count comes first", at: start) }
        guard max(minimum, maximum ?? 0) <= Self.maximumRepetition else {
            throw fault("at most \(Self.maximumRepetition) repetitions work", at: start)
        }
        return (minimum, maximum)
    }

    private mutating func number() -> Int? {
        var value: Int?
        while let byte = peek, ByteSet.digits.contains(byte) {
            value = min((value ?? 0) * 10 + Int(byte - UInt8(ascii: "0")), Self.maximumRepetition + 1)
            offset += 1
        }
        return value
    }

    private mutating func atom() throws(ExpressionFault) -> ExpressionNode {
        let start = offset
        guard let byte = peek else { return .empty }
        offset += 1
        switch byte {
        case UInt8(ascii: "("): return try group(from: start)
        case UInt8(ascii: "["): return try set(from: start)
        case UInt8(ascii: "."): return .character(outside: ByteSet([UInt8(ascii: "\n")]))
        case UInt8(ascii: "^"): return .assertion(.beginning)
        case UInt8(ascii: "$"): return .assertion(.end)
        case UInt8(ascii: "\\"): return try escape(from: start)
        case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"):
            throw fault("there is nothing to repeat before it", at: start)
        case 0x80...: return character(from: start)
        default: return one(byte)
        }
    }

    private mutating func group(from start: Int) throws(ExpressionFault) -> ExpressionNode {
        guard depth < Self.maximumDepth else {
            throw fault("at most \(Self.maximumDepth) nested groups work", at: start)
        }
        if peek == UInt8(ascii: "?"), !skip("?:") {
            throw fault(
                "of groups that begin with \"(?\" only (?:…) is known here, and (?i) in front of all",
                at: start
            )
        }
        depth += 1
        defer { depth -= 1 }
        let node = try choice()
        guard skip(")") else { throw fault("this group does not end: add \")\"", at: start) }
        return node
    }

    /// A character of several bytes, to be repeated as one.
    private mutating func character(from start: Int) -> ExpressionNode {
        while let byte = peek, ByteSet.continuations.contains(byte) { offset += 1 }
        return .sequence(bytes[start..<offset].map { .bytes(ByteSet([$0])) })
    }

    func one(_ byte: UInt8) -> ExpressionNode {
        .bytes(cased(ByteSet([byte])))
    }

    func cased(_ set: ByteSet) -> ByteSet {
        ignoresCase ? set.ignoringCase : set
    }

    // MARK: The text

    var peek: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    mutating func skip(_ text: String) -> Bool {
        guard bytes[offset...].starts(with: text.utf8) else { return false }
        offset += text.utf8.count
        return true
    }

    func fault(_ message: String, at place: Int? = nil) -> ExpressionFault {
        ExpressionFault(offset: place ?? offset, message: message)
    }
}
