/// Walks the fields of one protobuf message in the order in which they lie. Holds offsets only; the bytes are
/// handed in with each step.
struct ProtobufFields {
    private var position: Int
    private let end: Int

    /// `message` is a range of the span that ``next(in:)`` gets.
    init(_ message: Range<Int>) {
        position = message.lowerBound
        end = message.upperBound
    }

    struct Field {
        let number: UInt64
        /// Of a number; 0 otherwise.
        var value: UInt64 = 0
        /// Of bytes, a string or a message; empty otherwise.
        var range: Range<Int> = 0..<0
    }

    /// The next field, or nil at the end. Throws when the message is cut short or not protobuf.
    mutating func next(in bytes: Span<UInt8>) throws(LoadFailure) -> Field? {
        guard position < end else { return nil }
        let tag = try varint(in: bytes)
        switch tag & 7 {
        case WireType.varint:
            return Field(number: tag >> 3, value: try varint(in: bytes))
        case WireType.lengthDelimited:
            let length = try varint(in: bytes)
            guard length <= UInt64(end - position) else { throw Self.malformed }
            return Field(number: tag >> 3, range: take(Int(length)))
        case WireType.fixed64:
            return Field(number: tag >> 3, value: try fixed(8, in: bytes))
        case WireType.fixed32:
            return Field(number: tag >> 3, value: try fixed(4, in: bytes))
        default:
            throw Self.malformed
        }
    }

    private mutating func varint(in bytes: Span<UInt8>) throws(LoadFailure) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while position < end, shift < 64 {
            let byte = bytes[position]
            position += 1
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        throw Self.malformed
    }

    private mutating func fixed(_ length: Int, in bytes: Span<UInt8>) throws(LoadFailure) -> UInt64 {
        guard end - position >= length else { throw Self.malformed }
        return take(length).reversed().reduce(0) { value, index in value << 8 | UInt64(bytes[index]) }
    }

    private mutating func take(_ length: Int) -> Range<Int> {
        defer { position += length }
        return position..<position + length
    }

    private static let malformed = LoadFailure.connection("the server sent a frame that is not protobuf")
}
