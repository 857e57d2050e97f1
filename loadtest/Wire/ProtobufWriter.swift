/// Writes one protobuf message, field by field. For the few messages that the generator sends, and for
/// templates of those that it sends often.
struct ProtobufWriter {
    private(set) var bytes: [UInt8] = []

    mutating func writeVarint(_ value: UInt64, field: UInt64) {
        appendVarint(field << 3 | WireType.varint)
        appendVarint(value)
    }

    mutating func writeFixed64(_ value: UInt64, field: UInt64) {
        appendVarint(field << 3 | WireType.fixed64)
        for byte in 0..<8 {
            bytes.append(UInt8(truncatingIfNeeded: value >> (8 * UInt64(byte))))
        }
    }

    mutating func writeBytes(_ value: some Collection<UInt8>, field: UInt64) {
        appendVarint(field << 3 | WireType.lengthDelimited)
        appendVarint(UInt64(value.count))
        bytes.append(contentsOf: value)
    }

    /// What lies in front of a payload that is appended by the caller.
    mutating func writePayloadHead(count: Int) {
        appendVarint(2047 << 3 | WireType.lengthDelimited)
        appendVarint(UInt64(count))
    }

    mutating func writeMessage(field: UInt64, _ body: (inout ProtobufWriter) -> Void) {
        var message = ProtobufWriter()
        body(&message)
        writeBytes(message.bytes, field: field)
    }

    /// A varint field of constant length, whatever value ``CallTemplate`` puts there. Returns where the value is.
    mutating func reservePaddedVarint(field: UInt64) -> Range<Int> {
        appendVarint(field << 3 | WireType.varint)
        let begin = bytes.count
        bytes.append(contentsOf: repeatElement(0x80, count: PaddedVarint.length - 1))
        bytes.append(0)
        return begin..<bytes.count
    }

    private mutating func appendVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}

/// How a field's value is laid out: the low three bits of its tag.
enum WireType {
    static let varint: UInt64 = 0
    static let fixed64: UInt64 = 1
    static let lengthDelimited: UInt64 = 2
    static let fixed32: UInt64 = 5
}

/// A varint that always takes five bytes, so that it can be replaced in place. Longer than it need be, which
/// protobuf allows.
enum PaddedVarint {
    static let length = 5
    static let maximum: UInt64 = 1 << 35 - 1

    /// `value` must not be above ``maximum``; higher bits are lost.
    static func store(_ value: UInt64, in bytes: UnsafeMutableRawBufferPointer, at offset: Int) {
        // Seven bits of the value to each of four bytes; the top bit says that more follow.
        let groups =
            value & 0x7f
            | value << 1 & 0x7f00
            | value << 2 & 0x7f_0000
            | value << 3 & 0x7f00_0000
            | 0x8080_8080
        let fourBytes = UInt32(truncatingIfNeeded: groups).littleEndian
        bytes.storeBytes(of: fourBytes, toByteOffset: offset, as: UInt32.self)
        bytes[offset + 4] = UInt8(truncatingIfNeeded: value >> 28) & 0x7f
    }
}
