/// The secret that a client shows to speak for an org: `ab_<id>_<secret>`.
///
/// The id names it in the configuration and in logs, the secret proves it. No description shows the secret; only
/// ``text`` does, for the one moment in which a new token is handed to its owner.
package struct Token: Sendable {
    /// 64 random bits as 16 of 0-9 a-f: names the token, is no secret.
    package let id: String
    /// 256 random bits as 64 of 0-9 a-f.
    private let secret: String

    static let prefix = "ab_"
    static let idLength = 16
    static let secretLength = 64
    /// Bytes of every token.
    static let length = prefix.utf8.count + idLength + 1 + secretLength

    /// A new token. Only the system's generator is good enough outside of tests.
    package static func generate(using generator: inout some RandomNumberGenerator) -> Token {
        let id = hexadecimal(words: 1, using: &generator)
        return Token(id: id, secret: hexadecimal(words: 4, using: &generator))
    }

    package static func generate() -> Token {
        var generator = SystemRandomNumberGenerator()
        return generate(using: &generator)
    }

    /// nil for what is no token.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard let id = Self.id(in: bytes) else { return nil }
        self.init(id: id, secret: String(decoding: bytes.suffix(Self.secretLength), as: UTF8.self))
    }

    private init(id: String, secret: String) {
        self.id = id
        self.secret = secret
    }

    /// The whole token, secret included.
    package var text: String { "\(Self.prefix)\(id)_\(secret)" }

    /// What the configuration keeps of it.
    package var hash: TokenHash { TokenHash(of: Array(text.utf8)) }

    /// The id of what has the form of a token, else nil.
    static func id(in bytes: [UInt8]) -> String? {
        guard bytes.count == length, bytes.starts(with: prefix.utf8) else { return nil }
        let id = bytes.dropFirst(prefix.utf8.count).prefix(idLength)
        let rest = bytes.suffix(secretLength + 1)
        guard isID(id), rest.first == UInt8(ascii: "_"), rest.dropFirst().allSatisfy(isDigit) else { return nil }
        return String(decoding: id, as: UTF8.self)
    }

    static func isID(_ bytes: some Collection<UInt8>) -> Bool {
        bytes.count == idLength && bytes.allSatisfy(isDigit)
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }

    private static func hexadecimal(words: Int, using generator: inout some RandomNumberGenerator) -> String {
        let bytes = (0..<words).flatMap { _ in
            withUnsafeBytes(of: generator.next().bigEndian) { Array($0) }
        }
        return Hexadecimal.text(bytes)
    }
}

extension Token: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The token without its secret: `ab_0123456789abcdef_…`
    package var description: String { "\(Self.prefix)\(id)_…" }
    package var debugDescription: String { description }
    /// `dump` and test reports show children, so the secret is none.
    package var customMirror: Mirror { Mirror(self, children: ["id": id]) }
}
