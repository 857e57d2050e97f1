import NIOCore

/// Messages of Protocol Buffers, written by hand: for what no encoder would write.
///
/// https://protobuf.dev/programming-guides/encoding/
enum Protobuf {
    static func varint(_ value: UInt64) -> [UInt8] {
        var rest = value
        var bytes: [UInt8] = []
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    static func tag(_ field: UInt64, wireType: UInt64) -> [UInt8] { varint(field << 3 | wireType) }

    static func number(_ field: UInt64, _ value: UInt64) -> [UInt8] { tag(field, wireType: 0) + varint(value) }

    static func bytes(_ field: UInt64, _ contents: [UInt8]) -> [UInt8] {
        tag(field, wireType: 2) + varint(UInt64(contents.count)) + contents
    }

    static func text(_ field: UInt64, _ contents: String) -> [UInt8] { bytes(field, Array(contents.utf8)) }

    static let payloadField: UInt64 = 2047

    static func payload(_ contents: [UInt8]) -> [UInt8] { bytes(payloadField, contents) }
}

/// Numbers of `ClientFrame`'s fields.
enum ClientField {
    static let id: UInt64 = 1
    static let target: UInt64 = 2
    static let last: UInt64 = 3
    static let requires: UInt64 = 7
    static let traceparent: UInt64 = 8
    static let idempotencyKey: UInt64 = 9
    static let hello: UInt64 = 16
    static let chunk: UInt64 = 22
    static let echo: UInt64 = 32
    static let acquire: UInt64 = 40
    static let read: UInt64 = 48
    static let write: UInt64 = 49
    static let execStart: UInt64 = 96
}

extension ByteBuffer {
    var array: [UInt8] { Array(readableBytesView) }

    /// Where its readable bytes are in memory.
    var address: UInt {
        withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
    }
}
