/// What a ``GlobPattern`` says of one name of a path.
struct GlobName: Sendable {
    private enum Token: Sendable {
        case character(UInt32)
        case anyCharacter
        case anyCharacters
        case set(GlobSet)
    }

    private let tokens: [Token]
    /// It matches this name and no other.
    let literal: [UInt8]?
    /// It matches what ends so.
    private let suffix: [UInt8]?
    private let beginsWithDot: Bool

    init(_ pattern: [UInt8]) {
        var tokens: [Token] = []
        var plain: [UInt8] = []
        /// Nothing but characters, behind a first run of any at most.
        var isPlain = true
        var rest = pattern[...]
        while let byte = rest.first {
            switch byte {
            case UInt8(ascii: "*"):
                rest.removeFirst()
                if case .anyCharacters? = tokens.last { continue }
                if !tokens.isEmpty { isPlain = false }
                tokens.append(.anyCharacters)
                continue
            case UInt8(ascii: "?"):
                rest.removeFirst()
                tokens.append(.anyCharacter)
                isPlain = false
                continue
            case UInt8(ascii: "["):
                if let set = GlobSet(&rest) {
                    tokens.append(.set(set))
                    isPlain = false
                    continue
                }
            case UInt8(ascii: "\\") where rest.count > 1:
                rest.removeFirst()
            default: break
            }
            let start = rest.startIndex
            tokens.append(.character(Character.take(&rest)))
            plain += pattern[start..<rest.startIndex]
        }
        self.tokens = tokens
        let beginsWithRun = if case .anyCharacters? = tokens.first { true } else { false }
        literal = isPlain && !beginsWithRun ? plain : nil
        suffix = isPlain && beginsWithRun ? plain : nil
        beginsWithDot = if case .character(UInt32(UInt8(ascii: ".")))? = tokens.first { true } else { false }
    }

    func matches(_ name: UnsafeRawBufferPointer, includesHidden: Bool) -> Bool {
        if let literal { return name.elementsEqual(literal) }
        if !includesHidden, !beginsWithDot, name.first == UInt8(ascii: ".") { return false }
        if let suffix { return name.count >= suffix.count && name.suffix(suffix.count).elementsEqual(suffix) }
        return matches(name)
    }

    /// Of several runs of any characters only the last one that was met need ever become longer.
    private func matches(_ name: UnsafeRawBufferPointer) -> Bool {
        var rest = name[...]
        var index = 0
        var run: (index: Int, rest: Slice<UnsafeRawBufferPointer>)?
        while true {
            if index < tokens.count, case .anyCharacters = tokens[index] {
                index += 1
                run = (index, rest)
                continue
            }
            if rest.isEmpty, index == tokens.count { return true }
            if index < tokens.count, !rest.isEmpty, matches(tokens[index], Character.take(&rest)) {
                index += 1
                continue
            }
            guard let (behind, from) = run, !from.isEmpty else { return false }
            rest = from
            _ = Character.take(&rest)
            run = (behind, rest)
            index = behind
        }
    }

    private func matches(_ token: Token, _ character: UInt32) -> Bool {
        switch token {
        case .character(let own): own == character
        case .anyCharacter: true
        case .anyCharacters: false
        case .set(let set): set.contains(character)
        }
    }

    /// Characters by number: those of Unicode, and, above them, bytes that are part of none.
    enum Character {
        /// The next one of what is not empty.
        static func take<Bytes: Collection<UInt8>>(_ bytes: inout Bytes) -> UInt32 where Bytes.SubSequence == Bytes {
            let first = bytes.removeFirst()
            let count: Int
            switch first {
            case 0xc2..<0xe0: count = 1
            case 0xe0..<0xf0: count = 2
            case 0xf0..<0xf5: count = 3
            case 0x80...: return UInt32(first) + alone
            default: return UInt32(first)
            }
            guard bytes.count >= count else { return UInt32(first) + alone }
            var value = UInt32(first) & (0x3f >> UInt32(count))
            for byte in bytes.prefix(count) {
                guard byte & 0xc0 == 0x80 else { return UInt32(first) + alone }
                value = value << 6 | UInt32(byte & 0x3f)
            }
            let least: UInt32 = count == 1 ? 0x80 : count == 2 ? 0x800 : 0x1_0000
            guard value >= least, Unicode.Scalar(value) != nil else { return UInt32(first) + alone }
            bytes.removeFirst(count)
            return value
        }

        private static let alone: UInt32 = 0x11_0000
    }
}

/// `[a-z]`, `[!a-z]`, `[[:digit:]]`: one character of a set, or one that is not in it.
struct GlobSet: Sendable {
    private var ranges: [ClosedRange<UInt32>] = []
    private let isNegated: Bool

    /// Takes the set from the front of `pattern`. Nil, and nothing taken: it has no end, so the bracket is one.
    init?(_ pattern: inout ArraySlice<UInt8>) {
        var rest = pattern.dropFirst()
        let isNegated = rest.first == UInt8(ascii: "!") || rest.first == UInt8(ascii: "^")
        self.isNegated = isNegated
        if isNegated { rest.removeFirst() }
        var isFirst = true
        while let byte = rest.first {
            if byte == UInt8(ascii: "]"), !isFirst {
                rest.removeFirst()
                pattern = rest
                return
            }
            isFirst = false
            if byte == UInt8(ascii: "["), let named = Self.takeClass(&rest) {
                ranges += named
                continue
            }
            guard let low = Self.takeCharacter(&rest) else { return nil }
            guard rest.first == UInt8(ascii: "-"), let behind = rest.dropFirst().first, behind != UInt8(ascii: "]")
            else {
                ranges.append(low...low)
                continue
            }
            rest.removeFirst()
            guard let high = Self.takeCharacter(&rest) else { return nil }
            // One that runs backwards holds nothing.
            if low <= high { ranges.append(low...high) }
        }
        return nil
    }

    func contains(_ character: UInt32) -> Bool {
        ranges.contains { $0.contains(character) } != isNegated
    }

    private static func takeCharacter(_ rest: inout ArraySlice<UInt8>) -> UInt32? {
        if rest.first == UInt8(ascii: "\\"), rest.count > 1 { rest.removeFirst() }
        return rest.isEmpty ? nil : GlobName.Character.take(&rest)
    }

    /// `[:digit:]` and its like, of ASCII.
    private static func takeClass(_ rest: inout ArraySlice<UInt8>) -> [ClosedRange<UInt32>]? {
        for (name, ranges) in classes where rest.starts(with: "[:\(name):]".utf8) {
            rest.removeFirst(name.utf8.count + 4)
            return ranges
        }
        return nil
    }

    private static let classes: [(name: String, ranges: [ClosedRange<UInt32>])] = {
        func range(_ low: Unicode.Scalar, _ high: Unicode.Scalar) -> ClosedRange<UInt32> { low.value...high.value }
        let (digits, upper, lower) = (range("0", "9"), range("A", "Z"), range("a", "z"))
        return [
            ("alpha", [upper, lower]), ("digit", [digits]), ("alnum", [digits, upper, lower]), ("upper", [upper]),
            ("lower", [lower]), ("space", [range("\t", "\r"), range(" ", " ")]),
            ("xdigit", [digits, range("A", "F"), range("a", "f")]),
            ("punct", [range("!", "/"), range(":", "@"), range("[", "`"), range("{", "~")]),
        ]
    }()
}
