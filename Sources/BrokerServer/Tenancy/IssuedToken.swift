package import AgentBackend

/// A new token on its way to its owner: the only value that is meant to be encoded with the secret in it.
package struct IssuedToken: Sendable, Codable {
    package let org: String
    package let name: String
    package let id: String
    /// The whole token. It is shown once; the configuration keeps only `hash`.
    package let token: String
    /// 64 of 0-9 a-f.
    package let hash: String
    package let role: TokenRole

    /// Makes a token. Throws `INVALID_ARGUMENT` for names that the configuration would refuse.
    package init(org: String, name: String, role: TokenRole = .agent) throws(BackendError) {
        try self.init(org: org, name: name, role: role, token: Token.generate())
    }

    init(org: String, name: String, role: TokenRole = .agent, token: Token) throws(BackendError) {
        try Name.validate(org, kind: "org")
        try Name.validate(name, kind: "token name")
        self.org = org
        self.name = name
        id = token.id
        self.token = token.text
        hash = token.hash.hexadecimal
        self.role = role
    }

    /// The lines to paste beneath `tokens:` of the org. Quoted, for an id may look like a number.
    package var yaml: String {
        """
        - id: "\(id)"
          name: "\(name)"
          hash: "\(hash)"
        \(role == .agent ? "" : "  role: \(role.rawValue)\n")
        """
    }
}

extension IssuedToken: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Without the secret.
    package var description: String { "token \(id) (\(name)) of org \(org)" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: ["org": org, "name": name, "id": id]) }
}
