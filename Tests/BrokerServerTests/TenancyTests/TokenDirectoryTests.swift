import AgentBackend
import Synchronization
import Testing

@testable import BrokerServer

@Suite struct TokenDirectoryTests {
    private final class HashCounter: Sendable {
        let hashed = Mutex<[[UInt8]]>([])

        func hash(_ bytes: [UInt8]) -> TokenHash {
            hashed.withLock { $0.append(bytes) }
            return TokenHash(of: bytes)
        }
    }

    private let acmeToken = Token.generate()
    private let umbrellaToken = Token.generate()

    private func configuration() -> BrokerConfiguration {
        var acme = OrgConfiguration(name: "acme")
        acme.tokens = [TokenRecord(id: acmeToken.id, name: "ci", hash: acmeToken.hash)]
        var umbrella = OrgConfiguration(name: "umbrella")
        umbrella.tokens = [
            TokenRecord(
                id: umbrellaToken.id,
                name: "",
                hash: umbrellaToken.hash,
                keyPatterns: [.exactly("k")],
                isReadOnly: true
            )
        ]
        var configuration = BrokerConfiguration(root: "/r", node: "n")
        configuration.orgs = [acme, umbrella]
        return configuration
    }

    @Test func knowsWhoSpeaks() throws {
        let configuration = configuration()
        let directory = TokenDirectory(configuration, orgs: try OrgDirectory(configuration))
        let acme = try directory.authenticate(acmeToken.text)
        #expect(acme.org.name == "acme")
        #expect(acme.tokenID == acmeToken.id)
        #expect(acme.tokenName == "ci")
        #expect(acme.keyPatterns == nil)
        #expect(!acme.isReadOnly)
        let umbrella = try directory.authenticate(umbrellaToken.text)
        #expect(umbrella.org.name == "umbrella")
        #expect(umbrella.keyPatterns == [.exactly("k")])
        #expect(umbrella.isReadOnly)
    }

    /// One hash of one text of a token's length each time: what is slow is the same for all of them.
    @Test func everyAnswerTakesOneHash() throws {
        let configuration = configuration()
        let counter = HashCounter()
        let directory = TokenDirectory(configuration, orgs: try OrgDirectory(configuration), hash: counter.hash)
        let unknown = Token.generate()
        let wrongSecret = "ab_\(acmeToken.id)_\(unknown.text.suffix(64))"
        let malformed = ["", "x", String(acmeToken.text.dropLast()), acmeToken.text + "0", acmeToken.text.uppercased()]
        let huge = String(repeating: "a", count: 1 << 20)

        var messages: Set<String> = []
        for text in [unknown.text, wrongSecret, huge] + malformed {
            let error = #expect(throws: BackendError.self) { try directory.authenticate(text) }
            #expect(error?.code == .authFailed)
            messages.insert(error?.description ?? "")
        }
        #expect(messages.count == 1)
        _ = try directory.authenticate(acmeToken.text)
        let hashed = counter.hashed.withLock { $0 }
        #expect(hashed.count == 9)
        #expect(hashed.allSatisfy { $0.count == Token.length })
    }

    @Test func aBlankHashOpensNothing() throws {
        var configuration = configuration()
        configuration.orgs[0].tokens[0].hash = .unmatchable
        let directory = TokenDirectory(configuration, orgs: try OrgDirectory(configuration))
        #expect(throws: BackendError.self) { try directory.authenticate(acmeToken.text) }
    }

    @Test func aReloadTellsWhatIsLeftOfAnOpenConnection() throws {
        let before = configuration()
        let orgs = try OrgDirectory(before)
        let principal = try TokenDirectory(before, orgs: orgs).authenticate(acmeToken.text)

        var narrowed = before
        narrowed.orgs[0].tokens[0].isReadOnly = true
        let next = TokenDirectory(narrowed, orgs: try OrgDirectory(narrowed, replacing: orgs))
        #expect(next.renewed(principal)?.isReadOnly == true)

        var revoked = before
        revoked.orgs[0].tokens = []
        #expect(TokenDirectory(revoked, orgs: try OrgDirectory(revoked, replacing: orgs)).renewed(principal) == nil)

        var replaced = before
        replaced.orgs[0].tokens[0].hash = umbrellaToken.hash
        #expect(TokenDirectory(replaced, orgs: try OrgDirectory(replaced, replacing: orgs)).renewed(principal) == nil)

        // In either direction: what it began as the one it must not go on with as the other.
        var promoted = before
        promoted.orgs[0].tokens[0].role = .operator
        let promotedOrgs = try OrgDirectory(promoted, replacing: orgs)
        let operators = TokenDirectory(promoted, orgs: promotedOrgs)
        #expect(operators.renewed(principal) == nil)
        let asOperator = try operators.authenticate(acmeToken.text)
        #expect(operators.renewed(asOperator)?.isOperator == true)
        #expect(TokenDirectory(before, orgs: try OrgDirectory(before, replacing: orgs)).renewed(asOperator) == nil)

        var moved = before
        moved.orgs[1].tokens += moved.orgs[0].tokens
        moved.orgs[0].tokens = []
        #expect(TokenDirectory(moved, orgs: try OrgDirectory(moved, replacing: orgs)).renewed(principal) == nil)
    }
}
