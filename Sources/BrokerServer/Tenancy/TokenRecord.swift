/// What the configuration keeps of a token.
package struct TokenRecord: Sendable, Hashable {
    /// The `<id>` of `ab_<id>_<secret>`.
    package var id: String
    /// What people call it. May be empty.
    package var name: String
    package var hash: TokenHash
    /// The keys it is narrowed to. nil: all, and entries without a key.
    package var keyPatterns: [KeyPattern]?
    /// Whether it is narrowed to operations that change nothing.
    package var isReadOnly: Bool
    package var role: TokenRole

    package init(
        id: String,
        name: String,
        hash: TokenHash,
        keyPatterns: [KeyPattern]? = nil,
        isReadOnly: Bool = false,
        role: TokenRole = .agent
    ) {
        self.id = id
        self.name = name
        self.hash = hash
        self.keyPatterns = keyPatterns
        self.isReadOnly = isReadOnly
        self.role = role
    }
}

/// What a token is for.
package enum TokenRole: String, Sendable, Hashable, Codable, CaseIterable {
    /// Works in the workspaces of its org, and sees what goes on there.
    case agent
    /// Sees what goes on in all orgs, what their commands in the background write included, ends commands and entries, and
    /// does what concerns the broker as a whole, such as a reload or its end. Reaches no files, and starts nothing.
    case `operator`
}
