internal import AgentBackend
internal import Crypto
internal import Glibc

/// The Ed25519 key by which a broker signs how far its logs go. In a file that its owner alone can read; whoever has the
/// public key can tell whether a log is the broker's.
package struct AuditSigningKey: Sendable {
    static let fileName = "signing-key"
    private static let heading = "agent-broker audit signing key "

    private let key: Curve25519.Signing.PrivateKey
    package let publicKey: AuditPublicKey

    init() {
        self.init(Curve25519.Signing.PrivateKey())
    }

    private init(_ key: Curve25519.Signing.PrivateKey) {
        self.key = key
        publicKey = AuditPublicKey(key.publicKey)
    }

    /// Reads the one of a directory, and makes it where there is none.
    static func load(in directory: AuditDirectory) throws(AuditFault) -> AuditSigningKey {
        if let contents = try directory.read(fileName, atMost: 1024) {
            let text = String(decoding: contents, as: UTF8.self)
            guard text.hasPrefix(heading), text.hasSuffix("\n"),
                let bytes = Base64.bytes(text.dropFirst(heading.count).dropLast()),
                let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: bytes)
            else { throw AuditFault("read", directory.path(of: fileName), errno: EINVAL) }
            return AuditSigningKey(key)
        }
        let key = AuditSigningKey()
        let text = heading + Base64.text(Array(key.key.rawRepresentation)) + "\n"
        try directory.replace(fileName, with: Array(text.utf8))
        return key
    }

    func sign(_ claim: AuditHead.Claim) -> AuditHead? {
        guard let signature = try? key.signature(for: claim.bytes) else { return nil }
        return AuditHead(claim: claim, key: publicKey.text, signature: Base64.text(Array(signature)))
    }
}

/// What tells whether a log is a broker's: 32 bytes, written in base64.
package struct AuditPublicKey: Sendable {
    private let key: Curve25519.Signing.PublicKey

    fileprivate init(_ key: Curve25519.Signing.PublicKey) {
        self.key = key
    }

    /// Nil: it is none.
    package init?(text: some StringProtocol) {
        guard let bytes = Base64.bytes(text),
            let key = try? Curve25519.Signing.PublicKey(rawRepresentation: bytes)
        else { return nil }
        self.key = key
    }

    /// In base64.
    package var text: String { Base64.text(Array(key.rawRepresentation)) }

    func hasSigned(_ head: AuditHead) -> Bool {
        guard head.key == text, let signature = Base64.bytes(head.signature) else { return false }
        return key.isValidSignature(signature, for: head.claim.bytes)
    }
}

/// The broker's word that a log goes at least so far, and what it is up to there. It is a record of the log, and, the
/// last one, a file of its own beside it: whoever cuts the log off cannot take back what was signed.
package struct AuditHead: Sendable, Hashable {
    /// What is signed.
    package struct Claim: Sendable, Hashable {
        package let org: String
        /// Tells the logs of one org apart, where one was begun anew.
        package let log: String
        /// Sequence of the last record that it speaks of, and that one's hash.
        package let covers: UInt64
        package let hash: AuditHash

        var bytes: [UInt8] {
            Array("agent-broker audit head 1\n\(org)\n\(log)\n\(covers)\n\(hash.text)\n".utf8)
        }
    }

    package let claim: Claim
    /// The public key of who signed, in base64.
    package let key: String
    package let signature: String

    /// Nil: it does not say what a head says.
    init?(_ members: AuditMembers) {
        guard let org = members.text("org"), let log = members.text("log"), let covers = members.sequence("covers"),
            let hash = members.text("covers_hash").flatMap({ AuditHash(text: $0.utf8) }),
            let key = members.text("key"), let signature = members.text("signature")
        else { return nil }
        self.init(claim: Claim(org: org, log: log, covers: covers, hash: hash), key: key, signature: signature)
    }

    init(claim: Claim, key: String, signature: String) {
        self.claim = claim
        self.key = key
        self.signature = signature
    }

    /// One that was kept elsewhere: the contents of a head's file. Nil: it is none.
    package init?(file: [UInt8]) {
        guard file.last == UInt8(ascii: "\n"), let members = AuditMembers(file.dropLast()) else { return nil }
        self.init(members)
    }

    var file: [UInt8] {
        var line = JSONLine()
        add(to: &line)
        return line.text + [UInt8(ascii: "\n")]
    }

    func add(to line: inout JSONLine) {
        line.add("org", claim.org)
        line.add("log", claim.log)
        line.add("covers", claim.covers)
        line.add("covers_hash", claim.hash.text)
        line.add("key", key)
        line.add("signature", signature)
    }
}
