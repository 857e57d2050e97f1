package import NIOCore

/// Reads one JSON value; RFC 8259, and nothing beyond it. A value; used once.
package struct JSONParser {
    /// What is wrong with a text, and where.
    package struct Failure: Error, Sendable, Hashable, CustomStringConvertible {
        /// Byte of the text.
        package var position: Int
        package var message: String

        package var description: String { "\(message), at byte \(position)" }
    }

    /// Arrays and objects within each other.
    package static let maximumDepth = 64

    private let bytes: UnsafeRawBufferPointer
    private var position = 0
    private var depth = 0

    private init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    /// Reads a text that is one value.
    package static func parse(_ text: ByteBuffer) throws(Failure) -> JSONValue {
        let result: Result<JSONValue, Failure> = text.withUnsafeReadableBytes { bytes in
            var parser = JSONParser(bytes)
            do throws(Failure) {
                let value = try parser.value()
                parser.skipSpace()
                guard parser.position == bytes.count else { throw parser.failure("something follows the value") }
                return .success(value)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private func failure(_ message: String) -> Failure { Failure(position: position, message: message) }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || (byte >= 0x09 && byte <= 0x0d && byte != 0x0b && byte != 0x0c) {
            position += 1
        }
    }

    private mutating func take(_ byte: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: byte) else { return false }
        position += 1
        return true
    }

    private mutating func value() throws(Failure) -> JSONValue {
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return try nested { parser throws(Failure) in .object(try parser.object()) }
        case UInt8(ascii: "["): return try nested { parser throws(Failure) in .array(try parser.array()) }
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case UInt8(ascii: "-"): return try number()
        case let byte? where Self.isDigit(byte): return try number()
        case nil: throw failure("the text ends where a value has to be")
        default: throw failure("no value begins so")
        }
    }

    private mutating func nested(
        _ body: (inout JSONParser) throws(Failure) -> JSONValue
    ) throws(Failure) -> JSONValue {
        guard depth < Self.maximumDepth else {
            throw failure("more than \(Self.maximumDepth) levels are in each other")
        }
        depth += 1
        position += 1
        let value = try body(&self)
        depth -= 1
        return value
    }

    private mutating func literal(_ text: StaticString, _ value: JSONValue) throws(Failure) -> JSONValue {
        let length = text.utf8CodeUnitCount
        guard bytes.count - position >= length,
            UnsafeRawBufferPointer(rebasing: bytes[position..<position + length])
                .elementsEqual(UnsafeBufferPointer(start: text.utf8Start, count: length))
        else { throw failure("no value begins so") }
        position += length
        return value
    }

    private mutating func array() throws(Failure) -> [JSONValue] {
        var elements: [JSONValue] = []
        skipSpace()
        if take("]") { return elements }
        while true {
            elements.append(try value())
            skipSpace()
            if take("]") { return elements }
            guard take(",") else { throw failure("an array goes on with , or ends with ]") }
        }
    }

    private mutating func object() throws(Failure) -> JSONObject {
        var members: [JSONObject.Member] = []
        var names: Set<String> = []
        skipSpace()
        if take("}") { return JSONObject(members) }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw failure("a member begins with its name") }
            let name = try string()
            // Who reads the first and who reads the last would be of two minds.
            guard names.insert(name).inserted else { throw failure("an object has two members of one name") }
            skipSpace()
            guard take(":") else { throw failure("a name is followed by :") }
            members.append(JSONObject.Member(name: name, value: try value()))
            skipSpace()
            if take("}") { return JSONObject(members) }
            guard take(",") else { throw failure("an object goes on with , or ends with }") }
        }
    }

    private mutating func number() throws(Failure) -> JSONValue {
        let start = position
        var isWhole = true
        _ = take("-")
        let digitsStart = position
        try digits()
        guard position == digitsStart + 1 || bytes[digitsStart] != UInt8(ascii: "0") else {
            throw failure("a number begins with no 0 that is not all of it")
        }
        if take(".") {
            isWhole = false
            try digits()
        }
        if take("e") || take("E") {
            isWhole = false
            if !take("+") { _ = take("-") }
            try digits()
        }
        let text = String(decoding: UnsafeRawBufferPointer(rebasing: bytes[start..<position]), as: UTF8.self)
        if isWhole, let number = Int64(text) { return .integer(number) }
        guard let number = Double(text), number.isFinite else { throw failure("a number is too large") }
        return .number(number)
    }

    private mutating func digits() throws(Failure) {
        let start = position
        while let byte = next, Self.isDigit(byte) { position += 1 }
        guard position > start else { throw failure("a number has no digit here") }
    }

    private mutating func string() throws(Failure) -> String {
        position += 1
        let start = position
        while let byte = next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { position += 1 }
        // What has no escape, as most, is taken in one piece.
        var text = Array(bytes[start..<position])
        while true {
            switch next {
            case UInt8(ascii: "\""):
                position += 1
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw failure("a string is no UTF-8")
                }
                return string
            case UInt8(ascii: "\\"):
                position += 1
                text += try escape()
            case nil: throw failure("a string has no end")
            case let byte? where byte < 0x20: throw failure("a string holds a control character: escape it")
            case let byte?:
                text.append(byte)
                position += 1
            }
        }
    }

    private mutating func escape() throws(Failure) -> [UInt8] {
        guard let byte = next else { throw failure("a string has no end") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0c]
        case UInt8(ascii: "n"): return [0x0a]
        case UInt8(ascii: "r"): return [0x0d]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"): return Array(String(try scalar()).utf8)
        default: throw failure("a string has no such escape")
        }
    }

    private mutating func scalar() throws(Failure) -> Unicode.Scalar {
        var value = try fourDigits()
        if value & 0xfc00 == 0xd800, take("\\"), take("u") {
            let low = try fourDigits()
            guard low & 0xfc00 == 0xdc00 else { throw failure("half a character is escaped") }
            value = 0x10000 + (value & 0x3ff) << 10 + (low & 0x3ff)
        }
        guard let scalar = Unicode.Scalar(value) else { throw failure("half a character is escaped") }
        return scalar
    }

    private mutating func fourDigits() throws(Failure) -> UInt32 {
        guard bytes.count - position >= 4 else { throw failure("a string has no end") }
        var value: UInt32 = 0
        for _ in 0..<4 {
            let byte = bytes[position]
            guard let digit = Self.hexadecimal(byte) else {
                throw failure("\\u is followed by four hexadecimal digits")
            }
            value = value << 4 | digit
            position += 1
        }
        return value
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func hexadecimal(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a")) + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A")) + 10
        default: nil
        }
    }
}
