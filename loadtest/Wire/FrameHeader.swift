/// What lies in front of each message: a byte of flags, then the message's length, big-endian.
enum FrameHeader {
    static let length = 5

    static func bytes(length: Int) -> [UInt8] {
        [0] + (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * $0)) }
    }

    /// Where the message of the frame at `offset` lies; nil until it is there as a whole.
    static func message(at offset: Int, in bytes: Span<UInt8>, limit: Int) throws(LoadFailure) -> Range<Int>? {
        let begin = offset + length
        guard begin <= bytes.count else { return nil }
        let flags = bytes[offset]
        let count = (offset + 1..<begin).reduce(0) { value, index in value << 8 | Int(bytes[index]) }
        guard flags == 0, count <= limit else {
            throw .connection("the server sent a frame with flags \(flags) and a length of \(count) bytes")
        }
        return count <= bytes.count - begin ? begin..<begin + count : nil
    }
}
