import AgentBackend
import Foundation
import Testing

@testable import BrokerServer

@Suite struct IssuedTokenTests {
    @Test func theLinesToPasteMakeTheTokenWork() throws {
        let issued = try IssuedToken(org: "acme", name: "ci", token: Token.generate())
        let lines = issued.yaml.split(separator: "\n").map { "      \($0)" }.joined(separator: "\n")
        var configuration = BrokerConfiguration(root: "/r", node: "n")
        let text = "orgs:\n  - name: acme\n    tokens:\n\(lines)\n"
        #expect(configuration.apply(yaml: Array(text.utf8), named: "b.yaml").isEmpty)
        let directory = TokenDirectory(configuration, orgs: try OrgDirectory(configuration))
        let principal = try directory.authenticate(issued.token)
        #expect(principal.org.name == "acme")
        #expect(principal.tokenName == "ci")
        #expect(!issued.yaml.contains(issued.token))
    }

    @Test func encodesForPrograms() throws {
        let issued = try IssuedToken(org: "acme", name: "ci")
        let json = try JSONSerialization.jsonObject(with: JSONEncoder().encode(issued)) as? [String: String]
        #expect(
            json == [
                "org": "acme", "name": "ci", "id": issued.id, "token": issued.token, "hash": issued.hash,
                "role": "agent",
            ]
        )
        let token = try #require(Token(issued.token))
        #expect(token.id == issued.id)
        #expect(token.hash.hexadecimal == issued.hash)
    }

    @Test(arguments: [("", "ci"), ("acme", ""), ("a/b", "ci"), ("acme", "a\"b"), ("acme", "a\nb")])
    func refusesNames(org: String, name: String) {
        let error = #expect(throws: BackendError.self) { try IssuedToken(org: org, name: name) }
        #expect(error?.code == .invalidArgument)
    }
}
