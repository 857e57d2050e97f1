extension Int64 {
    /// The difference, or the nearest there is.
    func saturatingSubtraction(_ other: Int64) -> Int64 {
        let (difference, isOver) = subtractingReportingOverflow(other)
        guard isOver else { return difference }
        return other > 0 ? .min : .max
    }
}

/// The members of one line of a log: a flat JSON object of texts, integers and flags, as ``AuditChain`` makes it. Any
/// bytes may be given, and what is no such object is refused.
struct AuditMembers: Sendable {
    enum Value: Sendable, Hashable {
        case text(String)
        case integer(Int64)
        /// An integer above `Int64.max`.
        case large(UInt64)
        case flag(Bool)
    }

    private var members: [(name: String, value: Value)] = []

    init?(_ line: some RandomAccessCollection<UInt8>) {
        var scanner = Scanner(rest: Array(line)[...])
        guard scanner.take("{") else { return nil }
        repeat {
            guard let name = scanner.text(), scanner.take(":"), let value = scanner.value() else { return nil }
            members.append((name, value))
        } while scanner.take(",")
        guard scanner.take("}"), scanner.rest.isEmpty else { return nil }
    }

    subscript(_ name: String) -> Value? { members.first { $0.name == name }?.value }

    func text(_ name: String) -> String? {
        if case .text(let text)? = self[name] { text } else { nil }
    }

    func integer(_ name: String) -> Int64? {
        if case .integer(let integer)? = self[name] { integer } else { nil }
    }

    func count(_ name: String) -> UInt64? {
        if case .large(let count)? = self[name] { return count }
        return integer(name).flatMap { UInt64(exactly: $0) }
    }

    /// A place in a log: so small that there always is one behind it.
    func sequence(_ name: String) -> UInt64? { integer(name).flatMap { UInt64(exactly: $0) } }

    private struct Scanner {
        var rest: ArraySlice<UInt8>

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard rest.first == UInt8(ascii: character) else { return false }
            rest.removeFirst()
            return true
        }

        mutating func value() -> Value? {
            switch rest.first {
            case UInt8(ascii: "\""): text().map { .text($0) }
            case UInt8(ascii: "t"): word("true") ? .flag(true) : nil
            case UInt8(ascii: "f"): word("false") ? .flag(false) : nil
            default: number()
            }
        }

        private mutating func word(_ word: StaticString) -> Bool {
            let bytes = "\(word)".utf8
            guard rest.starts(with: bytes) else { return false }
            rest = rest.dropFirst(bytes.count)
            return true
        }

        private mutating func number() -> Value? {
            let digits = rest.prefix { $0 == UInt8(ascii: "-") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            rest = rest[digits.endIndex...]
            let text = String(decoding: digits, as: UTF8.self)
            return Int64(text).map { .integer($0) } ?? UInt64(text).map { .large($0) }
        }

        mutating func text() -> String? {
            guard take("\"") else { return nil }
            var text: [UInt8] = []
            while true {
                let plain = rest.prefix { $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") && $0 >= 0x20 }
                text += plain
                rest = rest[plain.endIndex...]
                if take("\"") { return String(validating: text, as: UTF8.self) }
                guard take("\\"), let escaped = rest.popFirst() else { return nil }
                switch escaped {
                case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(escaped)
                case UInt8(ascii: "u"):
                    let digits = String(decoding: rest.prefix(4), as: UTF8.self)
                    rest = rest.dropFirst(4)
                    guard let scalar = UInt32(digits, radix: 16).flatMap(Unicode.Scalar.init) else { return nil }
                    text += String(Character(scalar)).utf8
                default: return nil
                }
            }
        }
    }
}
