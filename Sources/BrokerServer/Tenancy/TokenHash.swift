import Crypto

/// The SHA-256 of a whole token, prefix and id included. Not a secret, yet of no use to anyone else.
///
/// There is no slow hash: a token is 256 random bits, which nobody can try out.
package struct TokenHash: Sendable, Hashable {
    private let bytes: [UInt8]

    /// Equal to no hash of any token.
    static let unmatchable = TokenHash(bytes: [UInt8](repeating: 0, count: SHA256.byteCount))

    package init(of token: [UInt8]) {
        bytes = Array(SHA256.hash(data: token))
    }

    /// Reads 64 of 0-9 a-f; nil for anything else.
    package init?(hexadecimal text: String) {
        guard let bytes = Hexadecimal.bytes(text), bytes.count == SHA256.byteCount else { return nil }
        self.init(bytes: bytes)
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// 64 of 0-9 a-f.
    package var hexadecimal: String { Hexadecimal.text(bytes) }

    /// Compares in a time that does not depend on where the two differ.
    package func matches(_ other: TokenHash) -> Bool {
        guard bytes.count == other.bytes.count else { return false }
        var difference: UInt8 = 0
        for index in bytes.indices { difference |= bytes[index] ^ other.bytes[index] }
        return difference == 0
    }
}

extension TokenHash: CustomStringConvertible {
    package var description: String { hexadecimal }
}
