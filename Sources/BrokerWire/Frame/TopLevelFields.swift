/// Walks the fields of a message without unpacking it.
///
/// Protocol Buffers encoding: https://protobuf.dev/programming-guides/encoding/
struct TopLevelFields {
    struct Field {
        var number: UInt64
        /// 2: length-delimited.
        var wireType: UInt64
        /// Tag, length and contents.
        var whole: Range<Int>
        /// What is in it: the bytes of a length-delimited field.
        var contents: Range<Int>
        /// Of a varint field.
        var value: UInt64
    }

    private let bytes: UnsafeRawBufferPointer
    private var position = 0
    /// Something is no field; nothing after it can be told.
    private(set) var isMalformed = false

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    mutating func next() -> Field? {
        let start = position
        guard start < bytes.count else { return nil }
        guard let tag = readVarint() else { return malformed() }
        var field = Field(number: tag >> 3, wireType: tag & 7, whole: start..<start, contents: start..<start, value: 0)
        let length: UInt64
        switch tag & 7 {
        case 0:
            guard let value = readVarint() else { return malformed() }
            field.value = value
            length = 0
        case 1:
            length = 8
        case 2:
            guard let value = readVarint() else { return malformed() }
            length = value
        case 5:
            length = 4
        default:
            return malformed()
        }
        guard length <= UInt64(bytes.count - position) else { return malformed() }
        field.contents = position..<position + Int(length)
        position += Int(length)
        field.whole = start..<position
        return field
    }

    private mutating func malformed() -> Field? {
        isMalformed = true
        return nil
    }

    private mutating func readVarint() -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while position < bytes.count, shift < 64 {
            let byte = bytes[position]
            position += 1
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        return nil
    }
}
