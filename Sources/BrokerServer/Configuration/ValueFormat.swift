import AgentBackend
import BrokerWire

/// Why a text is no value, as the end of a sentence that begins with the text.
package struct ValueMistake: Error, Sendable, Hashable {
    package var message: String

    package init(_ message: String) {
        self.message = message
    }
}

/// How one kind of value is written in a configuration.
struct ValueFormat<Value>: Sendable {
    /// What is allowed, for people: "a size from 64KiB to 256MiB".
    var allowed: String
    /// Messages must not repeat the text: it may be a secret that was put in the wrong place.
    var isSecret = false
    var parse: @Sendable (String) throws(ValueMistake) -> Value
}

extension ValueFormat where Value == Int {
    /// Bytes, with or without a unit.
    static func size(_ range: ClosedRange<Int>) -> Self {
        let least = Quantity.text(bytes: range.lowerBound)
        let most = Quantity.text(bytes: range.upperBound)
        return Self(allowed: "a size from \(least) to \(most), such as 16MiB") { text throws(ValueMistake) in
            try check(try Quantity.bytes(text), within: range)
        }
    }
}

extension ValueFormat where Value: FixedWidthInteger & Sendable {
    /// A plain number.
    static func count(_ range: ClosedRange<Value>) -> Self {
        Self(allowed: "a whole number from \(range.lowerBound) to \(range.upperBound)") { text throws(ValueMistake) in
            guard let number = Value(exactly: try Quantity.count(text)) else { throw ValueMistake("is too large") }
            return try check(number, within: range)
        }
    }
}

extension ValueFormat where Value == Duration {
    static func duration(_ range: ClosedRange<Duration>) -> Self {
        let least = Quantity.text(range.lowerBound)
        let most = Quantity.text(range.upperBound)
        return Self(allowed: "a duration from \(least) to \(most), such as 5s") { text throws(ValueMistake) in
            try check(try Quantity.duration(text), within: range)
        }
    }
}

extension ValueFormat where Value == Bool {
    static var flag: Self {
        Self(allowed: "true or false") { text throws(ValueMistake) in
            switch text {
            case "true": true
            case "false": false
            default: throw ValueMistake("is neither true nor false")
            }
        }
    }
}

extension ValueFormat where Value: CaseIterable & RawRepresentable<String> & Sendable {
    /// One of the raw values of an enumeration.
    static var choice: Self {
        let names = Value.allCases.map(\.rawValue)
        let values = Dictionary(Value.allCases.map { ($0.rawValue, $0) }) { first, _ in first }
        return Self(allowed: "one of \(names.joined(separator: ", "))") { text throws(ValueMistake) in
            guard let value = values[text] else {
                throw ValueMistake("is not known" + NearMiss.hint(for: text, among: names))
            }
            return value
        }
    }
}

extension ValueFormat where Value == String {
    /// The name of an org or of the like.
    static func name(_ kind: String) -> Self {
        let allowed = "1 to \(Name.maximumLength) of A-Z a-z 0-9 . _ ~ -, beginning with a letter or digit"
        return Self(allowed: allowed) { text throws(ValueMistake) in
            guard Name.isValid(text.utf8) else { throw ValueMistake("is no \(kind)") }
            return text
        }
    }

    /// An absolute path of at most `length` bytes.
    static func absolutePath(length: Int) -> Self {
        Self(allowed: "an absolute path of at most \(length) bytes") { text throws(ValueMistake) in
            guard text.hasPrefix("/") else { throw ValueMistake("does not begin with /") }
            guard text.utf8.count <= length else { throw ValueMistake("has \(text.utf8.count) bytes") }
            guard !text.utf8.contains(0) else { throw ValueMistake("has a NUL") }
            return text
        }
    }

    static var tokenID: Self {
        Self(allowed: "\(Token.idLength) of 0-9 a-f") { text throws(ValueMistake) in
            guard Token.isID(text.utf8) else { throw ValueMistake("is no token id") }
            return text
        }
    }
}

extension ValueFormat where Value == TokenHash {
    static var tokenHash: Self {
        let allowed = "the SHA-256 of the whole token as 64 of 0-9 a-f"
        return Self(allowed: allowed, isSecret: true) { text throws(ValueMistake) in
            if text.hasPrefix(Token.prefix) {
                throw ValueMistake("is a token, not its hash: revoke the token, others can read it now")
            }
            guard let hash = TokenHash(hexadecimal: text) else { throw ValueMistake("is no hash") }
            return hash
        }
    }
}

extension ValueFormat where Value == RegularExpression {
    static var regularExpression: Self {
        Self(allowed: "a regular expression as pcre2pattern(3) has it") { text throws(ValueMistake) in
            do throws(BackendError) {
                return try RegularExpression(text)
            } catch {
                throw ValueMistake("is none: \(error.message)")
            }
        }
    }
}

extension ValueFormat where Value == KeyPattern {
    static var keyPattern: Self {
        Self(allowed: "a key, or the beginning of keys and then *") { text throws(ValueMistake) in
            guard let pattern = KeyPattern(text) else { throw ValueMistake("is no pattern of keys") }
            return pattern
        }
    }
}

extension ValueFormat where Value == String {
    /// As browsers name where a page comes from; RFC 6454.
    static var origin: Self {
        Self(allowed: "an origin such as https://agents.example.com or http://10.1.2.3:8080") {
            text throws(ValueMistake) in
            let host = ["http://", "https://"].first { text.hasPrefix($0) }.map { text.dropFirst($0.count) }
            guard let host, !host.isEmpty, host.utf8.allSatisfy({ (0x21...0x7e).contains($0) && $0 != 0x2f }) else {
                throw ValueMistake("is no origin")
            }
            return text.lowercased()
        }
    }
}

extension ValueFormat where Value == TCPAddress {
    static var listenAddress: Self {
        Self(allowed: "HOST:PORT, such as 127.0.0.1:7420 or [::1]:7420") { text throws(ValueMistake) in
            guard let address = TCPAddress(text) else { throw ValueMistake("is no address") }
            return address
        }
    }
}

extension ValueFormat where Value == AddressRange {
    static var addressRange: Self {
        Self(allowed: "an address such as 10.1.2.3 or ::1, or all with a beginning, such as 10.0.0.0/8") {
            text throws(ValueMistake) in
            guard let range = AddressRange(text) else { throw ValueMistake("is no range of addresses") }
            return range
        }
    }
}

private func check<Value: Comparable>(
    _ value: Value,
    within range: ClosedRange<Value>
) throws(ValueMistake) -> Value {
    guard value >= range.lowerBound else { throw ValueMistake("is too small") }
    guard value <= range.upperBound else { throw ValueMistake("is too large") }
    return value
}
