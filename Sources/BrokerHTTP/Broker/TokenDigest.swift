internal import Crypto

/// What a token is known by here: looking it up tells nobody, by its time, how far a guess was right.
struct TokenDigest: Sendable, Hashable {
    let bytes: [UInt8]

    init(_ token: String) {
        bytes = Array(SHA256.hash(data: Array(token.utf8)))
    }
}
