package import NIOCore

extension JSONValue {
    /// On one line, without a line feed.
    package var bytes: ByteBuffer {
        var bytes = ByteBuffer()
        append(to: &bytes)
        return bytes
    }

    /// On one line.
    package func append(to bytes: inout ByteBuffer) {
        switch self {
        case .null: bytes.writeStaticString("null")
        case .bool(let flag): bytes.writeString(flag ? "true" : "false")
        case .integer(let number): bytes.writeString(String(number))
        case .number(let number): bytes.writeString(Self.text(number))
        case .string(let text): Self.append(text, to: &bytes)
        case .array(let elements):
            bytes.writeStaticString("[")
            for (index, element) in elements.enumerated() {
                if index > 0 { bytes.writeStaticString(",") }
                element.append(to: &bytes)
            }
            bytes.writeStaticString("]")
        case .object(let object):
            bytes.writeStaticString("{")
            for (index, member) in object.members.enumerated() {
                if index > 0 { bytes.writeStaticString(",") }
                Self.append(member.name, to: &bytes)
                bytes.writeStaticString(":")
                member.value.append(to: &bytes)
            }
            bytes.writeStaticString("}")
        }
    }

    /// With two spaces of indentation for each level, as `JSON.stringify(value, null, 2)` of JavaScript.
    package var indented: String {
        var bytes = ByteBuffer()
        appendIndented(to: &bytes, level: 0)
        return String(buffer: bytes)
    }

    private func appendIndented(to bytes: inout ByteBuffer, level: Int) {
        func newLine(_ level: Int) { bytes.writeString("\n" + String(repeating: "  ", count: level)) }
        switch self {
        case .array(let elements) where !elements.isEmpty:
            bytes.writeStaticString("[")
            for (index, element) in elements.enumerated() {
                if index > 0 { bytes.writeStaticString(",") }
                newLine(level + 1)
                element.appendIndented(to: &bytes, level: level + 1)
            }
            newLine(level)
            bytes.writeStaticString("]")
        case .object(let object) where !object.members.isEmpty:
            bytes.writeStaticString("{")
            for (index, member) in object.members.enumerated() {
                if index > 0 { bytes.writeStaticString(",") }
                newLine(level + 1)
                Self.append(member.name, to: &bytes)
                bytes.writeStaticString(": ")
                member.value.appendIndented(to: &bytes, level: level + 1)
            }
            newLine(level)
            bytes.writeStaticString("}")
        default:
            append(to: &bytes)
        }
    }

    /// JSON has no infinity, which nothing here counts up to.
    private static func text(_ number: Double) -> String {
        guard number.isFinite else { return "null" }
        return Int64(exactly: number).map { String($0) } ?? "\(number)"
    }

    private static func append(_ text: String, to bytes: inout ByteBuffer) {
        bytes.writeStaticString("\"")
        var text = text
        text.withUTF8 { utf8 in
            var start = 0
            for (index, byte) in utf8.enumerated() {
                guard let escape = Self.escape(byte) else { continue }
                bytes.writeBytes(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(utf8)[start..<index]))
                bytes.writeString(escape)
                start = index + 1
            }
            bytes.writeBytes(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(utf8)[start...]))
        }
        bytes.writeStaticString("\"")
    }

    private static func escape(_ byte: UInt8) -> String? {
        switch byte {
        case UInt8(ascii: "\""): "\\\""
        case UInt8(ascii: "\\"): "\\\\"
        case UInt8(ascii: "\n"): "\\n"
        case UInt8(ascii: "\r"): "\\r"
        case UInt8(ascii: "\t"): "\\t"
        case 0..<0x20: "\\u00\(byte < 16 ? "0" : "")\(String(byte, radix: 16))"
        default: nil
        }
    }
}
