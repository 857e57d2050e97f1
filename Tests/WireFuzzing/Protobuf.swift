/// Messages of Protocol Buffers, written by hand: for what no encoder would write.
///
/// https://protobuf.dev/programming-guides/encoding/
package enum Protobuf {
    package static func varint(_ value: UInt64) -> [UInt8] {
        var rest = value
        var bytes: [UInt8] = []
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    package static func tag(_ field: UInt64, wireType: UInt64) -> [UInt8] { varint(field << 3 | wireType) }

    package static func number(_ field: UInt64, _ value: UInt64) -> [UInt8] { tag(field, wireType: 0) + varint(value) }

    package static func bytes(_ field: UInt64, _ contents: [UInt8]) -> [UInt8] {
        tag(field, wireType: 2) + varint(UInt64(contents.count)) + contents
    }

    package static func text(_ field: UInt64, _ contents: String) -> [UInt8] { bytes(field, Array(contents.utf8)) }

    package static let payloadField: UInt64 = 2047

    package static func payload(_ contents: [UInt8]) -> [UInt8] { bytes(payloadField, contents) }
}

/// Numbers of `ClientFrame`'s fields.
package enum ClientField {
    package static let id: UInt64 = 1
    package static let target: UInt64 = 2
    package static let last: UInt64 = 3
    package static let requires: UInt64 = 7
    package static let traceparent: UInt64 = 8
    package static let idempotencyKey: UInt64 = 9
    package static let hello: UInt64 = 16
    package static let chunk: UInt64 = 22
    package static let echo: UInt64 = 32
    package static let acquire: UInt64 = 40
    package static let read: UInt64 = 48
    package static let write: UInt64 = 49
    package static let execStart: UInt64 = 96
    package static let execResize: UInt64 = 101
}
