/// Names one version of a file, to write only where it is still the present one. Opaque: compare it, hand it back, and
/// nothing else. A value; safe to share.
public struct Etag: Sendable, Hashable {
    /// Bytes.
    public static let maximumLength = 16

    // Inline, since every answer about a file carries one.
    private let first: UInt64
    private let second: UInt64
    private let count: UInt8

    /// Throws `INVALID_ARGUMENT` for none, or more than ``maximumLength`` bytes.
    public init(_ bytes: some Collection<UInt8>) throws(BackendError) {
        guard (1...Self.maximumLength).contains(bytes.count) else {
            throw BackendError(
                .invalidArgument,
                message: "an etag has \(bytes.count) bytes: hand back one of 1 to \(Self.maximumLength) as it was given"
            )
        }
        var words: [UInt64] = [0, 0]
        for (index, byte) in bytes.enumerated() { words[index / 8] |= UInt64(byte) << (8 * (index % 8)) }
        (first, second, count) = (words[0], words[1], UInt8(bytes.count))
    }

    /// Throws `INVALID_ARGUMENT` for what is no ``description`` of one.
    public init(hexadecimal text: String) throws(BackendError) {
        let digits = Array(text.utf8)
        let bytes = stride(from: 0, to: digits.count, by: 2).map { index in
            UInt8(String(decoding: digits[index..<min(index + 2, digits.count)], as: UTF8.self), radix: 16)
        }
        guard digits.count % 2 == 0, digits.allSatisfy({ $0 != UInt8(ascii: "+") }), !bytes.contains(nil) else {
            throw BackendError(
                .invalidArgument,
                message: "\"\(text)\" is no etag: give the digits as they were printed"
            )
        }
        try self.init(bytes.compactMap { $0 })
    }

    package init(_ first: UInt64, _ second: UInt64) {
        (self.first, self.second, count) = (first, second, UInt8(Self.maximumLength))
    }

    public var bytes: [UInt8] {
        (0..<Int(count)).map { index in
            UInt8(truncatingIfNeeded: (index < 8 ? first : second) >> (8 * (index % 8)))
        }
    }
}

extension Etag: CustomStringConvertible {
    /// Hexadecimal digits.
    public var description: String {
        bytes.reduce(into: "") { $0 += ($1 < 16 ? "0" : "") + String($1, radix: 16) }
    }
}
