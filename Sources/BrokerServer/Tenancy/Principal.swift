package import AgentBackend

/// Who a connection speaks for, and what its token allows.
package struct Principal: Sendable {
    package let org: Org
    /// Names the token in logs.
    package let tokenID: String
    package let tokenName: String
    /// The keys that the token is narrowed to. nil: all, and entries without a key.
    package let keyPatterns: [KeyPattern]?
    package let isReadOnly: Bool
    /// It sees all orgs, and works in no key of any.
    package let isOperator: Bool
    /// Tells whether a token of this id is still the same after a reload.
    let tokenHash: TokenHash

    init(org: Org, token: TokenRecord) {
        self.org = org
        tokenID = token.id
        tokenName = token.name
        isOperator = token.role == .operator
        keyPatterns = isOperator ? [] : token.keyPatterns
        isReadOnly = token.isReadOnly
        tokenHash = token.hash
    }

    /// Whether the token is for this key.
    func allows(key: String) -> Bool { keyPatterns?.contains { $0.matches(key) } ?? true }

    /// Throws `PERMISSION_DENIED`, saying what the token allows, for a key that it does not. nil asks for an
    /// entry without a key, which a token that is narrowed to keys does not allow either.
    package func authorize(key: String?) throws(BackendError) {
        guard let keyPatterns else { return }
        if let key, allows(key: key) { return }
        guard !isOperator else { throw isNoAgent }
        let asked = key.map { "the key \"\($0)\"" } ?? "an entry without a key"
        let allowed = keyPatterns.isEmpty ? "no key" : keyPatterns.map(\.description).joined(separator: ", ")
        throw BackendError(
            .permissionDenied,
            reason: .denied,
            message: "token \(tokenID) does not allow \(asked); it allows: \(allowed)"
        )
    }

    /// Throws `PERMISSION_DENIED` for an operator's, which sees no workspace.
    package func authorizeAgent() throws(BackendError) {
        guard !isOperator else { throw isNoAgent }
    }

    /// Throws `PERMISSION_DENIED` for all but an operator's.
    package func authorizeOperator() throws(BackendError) {
        guard isOperator else {
            throw BackendError(
                .permissionDenied,
                reason: .denied,
                message: "token \(tokenID) is no operator's: use one whose role is operator in the configuration"
            )
        }
    }

    private var isNoAgent: BackendError {
        BackendError(
            .permissionDenied,
            reason: .denied,
            message: "token \(tokenID) is an operator's, which reaches no workspace: use one of the org's agents"
        )
    }

    /// Throws `PERMISSION_DENIED` for a token that is narrowed to operations that change nothing. Commands count
    /// as changes.
    package func authorizeWrite() throws(BackendError) {
        guard isReadOnly else { return }
        throw BackendError(
            .permissionDenied,
            reason: .readOnly,
            message: "token \(tokenID) is read-only: use one that may write"
        )
    }
}
