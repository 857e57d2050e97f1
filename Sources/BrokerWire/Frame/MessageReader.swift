internal import AgentBackend
internal import CBrokerProtos
internal import CProtobufC
internal import Glibc

/// What the mappings use to take values out of C messages. Nothing is repaired: two keys that differ stay so.
enum MessageReader {
    static func bytes(_ data: ProtobufCBinaryData) -> [UInt8] {
        guard data.len > 0, let start = data.data else { return [] }
        return Array(UnsafeBufferPointer(start: start, count: data.len))
    }

    /// Throws `INVALID_ARGUMENT` for what is no UTF-8 or holds a NUL. `string` was unpacked into an arena.
    static func string(_ string: UnsafePointer<CChar>?, _ field: StaticString) throws(BackendError) -> String {
        guard let string else { return "" }
        let length = wire_arena_string_length(string)
        guard length > 0 else { return "" }
        let utf8 = UnsafeRawBufferPointer(start: string, count: length)
        // Names are ASCII: they are not worth the general validation.
        if utf8.allSatisfy({ $0 &- 1 < 0x7f }) { return String(decoding: utf8, as: UTF8.self) }
        guard strlen(string) == length, let text = String(validating: utf8, as: UTF8.self) else {
            throw BackendError(.invalidArgument, message: "\(field) is not UTF-8 text without NUL: correct it")
        }
        return text
    }

    static func array<Element, Value>(
        _ start: UnsafeMutablePointer<Element>?,
        count: Int,
        _ transform: (Element) throws(BackendError) -> Value
    ) throws(BackendError) -> [Value] {
        guard count > 0, let start else { return [] }
        var values: [Value] = []
        values.reserveCapacity(count)
        for element in UnsafeBufferPointer(start: start, count: count) {
            values.append(try transform(element))
        }
        return values
    }

    static func unknownValue(_ field: StaticString, _ value: UInt32) -> BackendError {
        BackendError(.invalidArgument, message: "\(field) has the unknown value \(value)")
    }
}
