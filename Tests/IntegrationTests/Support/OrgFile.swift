import Foundation

/// A configuration of orgs with one token each, made with `agent-broker token new`.
struct OrgFile: Sendable {
    struct Token: Decodable, Sendable {
        let org: String
        let name: String
        let id: String
        let token: String
        let hash: String
    }

    let path: String
    /// By org.
    let tokens: [String: String]

    /// - Parameters:
    ///   - preamble: What else to say, as lines of YAML.
    ///   - additions: What else to say of an org's token, as lines of YAML without indentation.
    init(
        orgs: [String],
        in directory: String,
        preamble: String = "",
        additions: [String: String] = [:]
    ) async throws {
        var yaml = preamble + "orgs:\n"
        var tokens: [String: String] = [:]
        for org in orgs {
            let token = try await Self.makeToken(org: org)
            yaml += "  - name: \(org)\n    tokens:\n"
            yaml += "      - id: \(token.id)\n        name: \(token.name)\n        hash: \(token.hash)\n"
            for line in (additions[org] ?? "").split(separator: "\n") { yaml += "        \(line)\n" }
            tokens[org] = token.token
        }
        path = "\(directory)/broker.yaml"
        self.tokens = tokens
        try Data(yaml.utf8).write(to: URL(fileURLWithPath: path))
    }

    private static func makeToken(org: String) async throws -> Token {
        let made = try await ChildProcess.run(
            try BuiltProducts.program("agent-broker"),
            ["token", "new", "--org", org, "--name", "tests", "--json"],
            environment: ["PATH": "/usr/bin:/bin"]
        )
        guard made.status == 0 else { throw ChildProcess.Failure(description: "token new: \(made)") }
        return try JSONDecoder().decode(Token.self, from: made.output)
    }
}
