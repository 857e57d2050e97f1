/// Builds one JSON object on one line; RFC 8259. For logs and for what commands print: members in the order in which
/// they were added, text of any bytes kept readable.
package struct JSONLine: Sendable {
    private var bytes: [UInt8] = [UInt8(ascii: "{")]

    package init() {}

    /// The object, without a line feed.
    package var text: [UInt8] { bytes + [UInt8(ascii: "}")] }

    package mutating func add(_ name: StaticString, _ value: String) {
        begin(name)
        Self.append(value, to: &bytes)
    }

    package mutating func add(_ name: StaticString, _ value: some BinaryInteger) {
        begin(name)
        bytes += String(value).utf8
    }

    package mutating func add(_ name: StaticString, _ value: Bool) {
        begin(name)
        bytes += (value ? "true" : "false").utf8
    }

    package mutating func add(_ name: StaticString, _ values: [String]) {
        begin(name)
        bytes.append(UInt8(ascii: "["))
        for (index, value) in values.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            Self.append(value, to: &bytes)
        }
        bytes.append(UInt8(ascii: "]"))
    }

    /// A member whose name is not known before.
    package mutating func add(named name: String, _ value: String) {
        begin(name)
        Self.append(value, to: &bytes)
    }

    /// A member that is an object itself.
    package mutating func add(_ name: StaticString, _ value: JSONLine) {
        begin(name)
        bytes += value.text
    }

    package mutating func add(named name: String, _ value: JSONLine) {
        begin(name)
        bytes += value.text
    }

    private mutating func begin(_ name: StaticString) { begin("\(name)") }

    private mutating func begin(_ name: String) {
        if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
        Self.append(name, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
    }

    private static func append(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes += [UInt8(ascii: "\\"), byte]
            case 0..<0x20, 0x7f:
                bytes += "\\u00\(byte < 16 ? "0" : "")\(String(byte, radix: 16))".utf8
            default:
                bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
