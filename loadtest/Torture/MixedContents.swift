internal import NIOCore

/// Contents that tell by themselves whose they are: no two agents, files or versions have the same. The first eight
/// bytes are the version.
struct MixedContents {
    /// Of agent, key and file.
    let subject: String

    /// Version 0 is none at all.
    func bytes(_ version: UInt64) -> ByteBuffer {
        let length = Self.length(version)
        // FNV-1a.
        let hash = subject.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        var generator = SeededGenerator(seed: hash ^ version &* 0x9e37_79b9_7f4a_7c15)
        var buffer = ByteBuffer()
        buffer.reserveCapacity(length + 8)
        buffer.writeInteger(version)
        while buffer.readableBytes < length { buffer.writeInteger(generator.next()) }
        return buffer.getSlice(at: 0, length: length) ?? buffer
    }

    /// Whether these are the contents of the version that they name, and that was written at some time.
    func match(_ bytes: ByteBuffer, upTo lastVersion: UInt64) -> Bool {
        guard let version = bytes.getInteger(at: bytes.readerIndex, as: UInt64.self) else { return false }
        return version <= lastVersion && bytes == self.bytes(version)
    }

    /// Most are short; of a hundred two are too long for a frame to be copied, and one for the credit of a call.
    static func length(_ version: UInt64) -> Int {
        let odd = Int((version &* 0x9e37_79b9) % 997)
        return switch version % 100 {
        case 7: (1200 << 10) + odd
        case 19, 59: (40 << 10) + odd
        default: 64 + odd * 4
        }
    }
}

/// What a file may hold. One thing, but after a write whose end nobody saw.
struct MixedFile {
    /// Versions; 0: there is no file.
    private(set) var candidates: Set<UInt64> = [0]

    /// Nil: nobody knows.
    var version: UInt64? { candidates.count == 1 ? candidates.first : nil }

    mutating func isNow(_ version: UInt64) { candidates = [version] }

    /// An attempt to make it that, of which it is not known whether it succeeded.
    mutating func mayBe(_ version: UInt64) { candidates.insert(version) }
}
