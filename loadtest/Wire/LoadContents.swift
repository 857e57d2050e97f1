internal import Glibc
internal import NIOCore

/// The bytes of a payload or a file, so that one that was swapped, cut or shifted is told from the right one: the stamp
/// of the call that sent it, then a pattern that nothing else has. A file ends with the stamp as well, which tells one
/// that holds parts of two writes.
struct LoadContents {
    /// Eight bytes of id and four of connection.
    static let stampLength = 12

    /// With zeros where the stamps go.
    let bytes: [UInt8]
    private let pattern: Range<Int>
    private let isFile: Bool

    /// - Parameters:
    ///   - length: At least ``minimumLength(isFile:)``.
    ///   - subject: What no other contents have in common with these, such as org, key and path.
    init(length: Int, subject: String, isFile: Bool) {
        // xorshift, from a hash (FNV-1a) of the subject.
        var state = subject.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 } | 1
        pattern = Self.stampLength..<length - (isFile ? Self.stampLength : 0)
        self.isFile = isFile
        bytes = (0..<length).map { [pattern] index in
            guard pattern.contains(index) else { return 0 }
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return UInt8(truncatingIfNeeded: state >> 32)
        }
    }

    static func minimumLength(isFile: Bool) -> Int { isFile ? 2 * stampLength : stampLength }

    /// Stamps a copy of the bytes that lies at `offset`.
    func stamp(_ copy: UnsafeMutableRawBufferPointer, at offset: Int, id: UInt64, connection: UInt32) {
        for start in isFile ? [0, pattern.upperBound] : [0] {
            copy.storeBytes(of: id.littleEndian, toByteOffset: offset + start, as: UInt64.self)
            copy.storeBytes(of: connection.littleEndian, toByteOffset: offset + start + 8, as: UInt32.self)
        }
    }

    /// Whether a range of what was received holds these contents, with the stamp of that call; nil: with any one stamp.
    func match(_ range: Range<Int>, in received: Span<UInt8>, stamp: (id: UInt64, connection: UInt32)?) -> Bool {
        guard range.count == bytes.count else { return false }
        return received.withUnsafeBytes { received in
            let actual = UnsafeRawBufferPointer(rebasing: received[range])
            if let stamp {
                guard UInt64(littleEndian: actual.loadUnaligned(as: UInt64.self)) == stamp.id,
                    UInt32(littleEndian: actual.loadUnaligned(fromByteOffset: 8, as: UInt32.self)) == stamp.connection
                else { return false }
            }
            if isFile, !Self.equal(actual[..<Self.stampLength], actual[pattern.upperBound...]) { return false }
            return bytes.withUnsafeBytes { Self.equal($0[pattern], actual[pattern]) }
        }
    }

    private static func equal(_ left: Slice<UnsafeRawBufferPointer>, _ right: Slice<UnsafeRawBufferPointer>) -> Bool {
        let (left, right) = (UnsafeRawBufferPointer(rebasing: left), UnsafeRawBufferPointer(rebasing: right))
        guard let first = left.baseAddress, let second = right.baseAddress else { return left.count == right.count }
        return left.count == right.count && memcmp(first, second, left.count) == 0
    }
}
