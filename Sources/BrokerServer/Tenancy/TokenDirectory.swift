package import AgentBackend

/// All tokens of one configuration: tells who a presented token speaks for. Immutable; a reload makes a new one.
///
/// What a caller can time says nothing about which ids exist: every look-up, also of what is no token at all,
/// hashes one text of the length of a token and compares one pair of hashes.
package struct TokenDirectory: Sendable {
    private struct Entry {
        var org: Org
        var token: TokenRecord
    }

    private let entries: [String: Entry]
    private let hash: @Sendable ([UInt8]) -> TokenHash

    /// What is hashed in place of a text that is no token.
    private static let standIn = [UInt8](repeating: UInt8(ascii: "0"), count: Token.length)

    /// Both must come from the same configuration; orgs that `orgs` does not know are left out.
    package init(_ configuration: BrokerConfiguration, orgs: OrgDirectory) {
        self.init(configuration, orgs: orgs, hash: TokenHash.init(of:))
    }

    init(
        _ configuration: BrokerConfiguration,
        orgs: OrgDirectory,
        hash: @escaping @Sendable ([UInt8]) -> TokenHash
    ) {
        var entries: [String: Entry] = [:]
        for configured in configuration.orgs {
            guard let org = orgs[configured.name] else { continue }
            for token in configured.tokens { entries[token.id] = Entry(org: org, token: token) }
        }
        self.entries = entries
        self.hash = hash
    }

    /// Who the token speaks for. Throws `AUTH_FAILED`, with the same message whatever the reason; to wait before
    /// answering is the caller's part.
    package func authenticate(_ presented: String) throws(BackendError) -> Principal {
        let bytes = Array(presented.utf8.prefix(Token.length + 1))
        let id = Token.id(in: bytes)
        let entry = id.flatMap { entries[$0] }
        let hashed = hash(id == nil ? Self.standIn : bytes)
        let isMatch = hashed.matches(entry?.token.hash ?? .unmatchable)
        guard let entry, isMatch else { throw Self.refusal }
        return Principal(org: entry.org, token: entry.token)
    }

    /// What the token of a connection that is open already allows now; nil where it was revoked, replaced, given to
    /// another org or another role: what a connection began in one role it must not go on with in the other. For the
    /// connections that a reload meets.
    package func renewed(_ principal: Principal) -> Principal? {
        guard let entry = entries[principal.tokenID],
            entry.org.id == principal.org.id,
            entry.token.hash == principal.tokenHash
        else { return nil }
        let renewed = Principal(org: entry.org, token: entry.token)
        return renewed.isOperator == principal.isOperator ? renewed : nil
    }

    private static let refusal = BackendError(
        .authFailed,
        message: "the token is not known here: ask the operator of this broker for one"
    )
}
