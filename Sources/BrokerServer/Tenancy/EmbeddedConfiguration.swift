package import AgentBackend
import Glibc

/// What a broker without a configuration file serves: one org, `default`, with one token that is made at the first
/// start and kept in ROOT/state/default-token, so that it stays the same.
package struct EmbeddedConfiguration: Sendable {
    package static let orgName = "default"
    static let fileName = "default-token"

    package let configuration: BrokerConfiguration
    /// For the operator, who has no other way to learn it.
    package let token: Token
    /// Whether it was made just now.
    package let isNewToken: Bool

    /// - Parameter base: everything but the orgs, of which it must have none.
    ///
    /// Blocks. Throws `INVALID_CONFIGURATION` for orgs in `base`, and where the file is damaged, open to others or
    /// cannot be written.
    package init(_ base: BrokerConfiguration, root: BrokerRoot) throws(BackendError) {
        guard base.orgs.isEmpty else {
            throw BackendError(
                .invalidConfiguration,
                message: "the configuration has orgs: the org \"\(Self.orgName)\" is only there without any"
            )
        }
        let kept = try Self.load(from: root)
        let token = kept ?? Token.generate()
        if kept == nil { try Self.save(token, in: root) }

        var org = OrgConfiguration(name: Self.orgName)
        org.tokens = [TokenRecord(id: token.id, name: Self.orgName, hash: token.hash)]
        var configuration = base
        configuration.orgs = [org]
        self.configuration = configuration
        self.token = token
        isNewToken = kept == nil
    }

    /// What a broker with such a configuration serves in its place; nil: the configuration itself, which has orgs.
    package static func standIn(
        for configuration: BrokerConfiguration,
        root: BrokerRoot
    ) throws(BackendError) -> EmbeddedConfiguration? {
        configuration.orgs.isEmpty ? try EmbeddedConfiguration(configuration, root: root) : nil
    }

    private static func load(from root: BrokerRoot) throws(BackendError) -> Token? {
        let path = path(in: root)
        var status = stat()
        let bytes = try SystemFailure.advising("make it readable to the broker") { () throws(SystemFailure) in
            let bytes = try SmallFile.read(fileName, in: root.state.raw, calling: path, atMost: 1000)
            if bytes != nil { try SystemFailure.check("stat", path) { fstatat(root.state.raw, fileName, &status, 0) } }
            return bytes
        }
        guard let bytes else { return nil }
        guard status.st_mode & 0o077 == 0 else {
            throw BackendError(
                .invalidConfiguration,
                reason: .denied,
                message: "others can read \(path): remove it, and the next start makes a new token"
            )
        }
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.hasSuffix("\n"), let token = Token(String(text.dropLast())) else {
            throw BackendError(
                .invalidConfiguration,
                message: "\(path) holds no token: remove it, and the next start makes a new one"
            )
        }
        return token
    }

    private static func save(_ token: Token, in root: BrokerRoot) throws(BackendError) {
        try SystemFailure.advising("make room in \(root.path)/state") { () throws(SystemFailure) in
            let contents = Array("\(token.text)\n".utf8)
            try SmallFile.replace(fileName, in: root.state.raw, calling: path(in: root), with: contents)
        }
    }

    private static func path(in root: BrokerRoot) -> String { "\(root.path)/state/\(fileName)" }
}
