import AgentBackend
import Testing

@testable import BrokerServer

@Suite struct PrincipalTests {
    private func principal(
        keys: [KeyPattern]?,
        isReadOnly: Bool = false,
        role: TokenRole = .agent
    ) throws -> Principal {
        let token = Token.generate()
        var org = OrgConfiguration(name: "acme")
        org.tokens = [
            TokenRecord(
                id: token.id,
                name: "t",
                hash: token.hash,
                keyPatterns: keys,
                isReadOnly: isReadOnly,
                role: role
            )
        ]
        var configuration = BrokerConfiguration(root: "/r", node: "n")
        configuration.orgs = [org]
        return try TokenDirectory(configuration, orgs: try OrgDirectory(configuration)).authenticate(token.text)
    }

    @Test func anOperatorReachesNoWorkspace() throws {
        let principal = try principal(keys: nil, role: .operator)
        #expect(throws: Never.self) { try principal.authorizeOperator() }
        for key in ["any", nil] {
            let error = #expect(throws: BackendError.self) { try principal.authorize(key: key) }
            #expect(error?.code == .permissionDenied)
        }
    }

    @Test func anAgentIsNoOperator() throws {
        let error = #expect(throws: BackendError.self) { try principal(keys: nil).authorizeOperator() }
        #expect(error?.code == .permissionDenied)
    }

    @Test func aPlainTokenAllowsEverything() throws {
        let principal = try principal(keys: nil)
        #expect(throws: Never.self) {
            try principal.authorize(key: "any")
            try principal.authorize(key: nil)
            try principal.authorizeWrite()
        }
    }

    @Test(arguments: [
        ("ci", true), ("build-1", true), ("build-", true),
        ("ci2", false), ("CI", false), ("c", false), ("build", false), ("xbuild-1", false), ("", false),
    ])
    func aNarrowedTokenAllowsItsKeys(key: String, isAllowed: Bool) throws {
        let principal = try principal(keys: [.exactly("ci"), .beginningWith("build-")])
        guard !isAllowed else {
            #expect(throws: Never.self) { try principal.authorize(key: key) }
            return
        }
        let error = #expect(throws: BackendError.self) { try principal.authorize(key: key) }
        #expect(error?.code == .permissionDenied)
        #expect(error?.message.contains("it allows: ci, build-*") == true)
    }

    @Test func aNarrowedTokenAllowsNoEntryWithoutAKey() throws {
        let principal = try principal(keys: [.beginningWith("")])
        #expect(throws: Never.self) { try principal.authorize(key: "any") }
        let error = #expect(throws: BackendError.self) { try principal.authorize(key: nil) }
        #expect(error?.code == .permissionDenied)
        #expect(error?.message.contains("an entry without a key") == true)
    }

    @Test func noPatternsAllowNoKey() throws {
        let error = #expect(throws: BackendError.self) { try principal(keys: []).authorize(key: "k") }
        #expect(error?.message.contains("it allows: no key") == true)
    }

    @Test func aReadOnlyTokenAllowsNoWrite() throws {
        let error = #expect(throws: BackendError.self) { try principal(keys: nil, isReadOnly: true).authorizeWrite() }
        #expect(error?.code == .permissionDenied)
        #expect(error?.reason == .readOnly)
    }

    @Test(arguments: ["ci", "a.b~c_d-e", "build-*", "*", "0*"])
    func readsPatterns(text: String) {
        #expect(KeyPattern(text)?.description == text)
    }

    @Test(arguments: ["", "**", "a*b", "*a", ".tmp", "-a", "a b", "a/*", String(repeating: "k", count: 129)])
    func refusesPatterns(text: String) {
        #expect(KeyPattern(text) == nil)
    }
}
