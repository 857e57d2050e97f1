internal import AgentBackend
internal import Crypto

/// The place in a log where the next record goes: every record carries the SHA-256 over the hash before it and its own
/// bytes, so that none can be changed or taken out unseen. A value.
///
/// A line is a JSON object whose last member is `hash`; what is hashed is the object without that member.
struct AuditChain: Sendable, Hashable {
    /// Of the next record; the first is 1.
    private(set) var sequence: UInt64
    /// Of the record before it.
    private(set) var hash: AuditHash

    init(sequence: UInt64 = 1, hash: AuditHash = .none) {
        self.sequence = sequence
        self.hash = hash
    }

    /// The line of the next record, with its line feed, and the place behind it. `fill` adds what it says.
    func line(
        _ kind: String,
        at time: Int64,
        _ fill: (inout JSONLine) -> Void
    ) -> (bytes: [UInt8], next: AuditChain) {
        var line = JSONLine()
        line.add("seq", sequence)
        line.add("time_ns", time)
        line.add("kind", kind)
        fill(&line)
        let object = line.text
        let next = AuditChain(sequence: sequence + 1, hash: hash.followed(by: object))
        return (object.dropLast() + Self.hashStart + next.hash.text.utf8 + Self.lineEnd, next)
    }

    private static let hashStart = Array(",\"hash\":\"".utf8)
    private static let lineEnd = Array("\"}\n".utf8)

    /// Splits a line without its line feed into the object that is hashed and the hash that it carries. Nil: it is none.
    static func parts(of line: some RandomAccessCollection<UInt8>) -> (object: [UInt8], hash: AuditHash)? {
        let tail = Array(line.suffix(hashStart.count + AuditHash.textLength + 2))
        guard line.count > tail.count, tail.starts(with: hashStart), tail.suffix(2) == Array("\"}".utf8),
            let hash = AuditHash(text: tail.dropFirst(hashStart.count).dropLast(2))
        else { return nil }
        return (line.dropLast(tail.count) + [UInt8(ascii: "}")], hash)
    }
}

/// A SHA-256.
package struct AuditHash: Sendable, Hashable {
    private let bytes: [UInt8]

    /// Of what comes before the first record.
    static let none = AuditHash(bytes: [UInt8](repeating: 0, count: SHA256.byteCount))
    static let textLength = 2 * SHA256.byteCount

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Nil: not 64 digits of lower case.
    init?(text: some Collection<UInt8>) {
        guard text.count == Self.textLength, let bytes = Hex.bytes(text) else { return nil }
        self.bytes = bytes
    }

    package var text: String { Hex.text(bytes) }

    func followed(by object: [UInt8]) -> AuditHash {
        var hash = SHA256()
        hash.update(data: bytes)
        hash.update(data: object)
        return AuditHash(bytes: Array(hash.finalize()))
    }
}

/// Bytes as two of 0-9 a-f each.
enum Hex {
    private static let digits = Array("0123456789abcdef".utf8)

    static func text(_ bytes: some Collection<UInt8>) -> String {
        String(unsafeUninitializedCapacity: 2 * bytes.count) { buffer in
            for (index, byte) in bytes.enumerated() {
                buffer[2 * index] = digits[Int(byte >> 4)]
                buffer[2 * index + 1] = digits[Int(byte & 15)]
            }
            return 2 * bytes.count
        }
    }

    /// Nil: an odd number of digits, or what is none.
    static func bytes(_ text: some Collection<UInt8>) -> [UInt8]? {
        guard text.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        var high: UInt8?
        for digit in text {
            let value: UInt8
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
            default: return nil
            }
            if let first = high {
                bytes.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return bytes
    }
}
