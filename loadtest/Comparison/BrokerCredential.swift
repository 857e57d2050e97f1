internal import Crypto

/// A token as `agent-broker token new` makes them, without a process for each: `ab_<id>_<secret>`, of which the
/// configuration has id and SHA-256.
struct BrokerCredential {
    let token: String
    let id: String
    let hash: String

    init() {
        id = Self.hexadecimal((0..<8).map { _ in .random(in: .min ... .max) })
        token = "ab_\(id)_\(Self.hexadecimal((0..<32).map { _ in .random(in: .min ... .max) }))"
        hash = Self.hexadecimal(Array(SHA256.hash(data: Array(token.utf8))))
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { byte in
            let text = String(byte, radix: 16)
            return text.count < 2 ? "0\(text)" : text
        }.joined()
    }
}
