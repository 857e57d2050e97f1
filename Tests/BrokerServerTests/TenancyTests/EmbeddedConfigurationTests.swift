import AgentBackend
import Glibc
import Testing

@testable import BrokerServer

@Suite struct EmbeddedConfigurationTests {
    private func withRoot(_ body: (ScratchDirectory, BrokerRoot) throws -> Void) async throws {
        try await withScratchDirectory { scratch in
            let root = try await BrokerRoot.open(scratch.path("root"), isPrivileged: false)
            try body(scratch, root)
            root.close()
        }
    }

    private let base = BrokerConfiguration(root: "/r", node: "n")
    private let file = "root/state/default-token"

    @Test func makesATokenOnce() async throws {
        try await withRoot { scratch, root in
            let first = try EmbeddedConfiguration(base, root: root)
            #expect(first.isNewToken)
            #expect(scratch.mode(file) == 0o600)
            #expect(try scratch.read(file) == "\(first.token.text)\n")

            let second = try EmbeddedConfiguration(base, root: root)
            #expect(!second.isNewToken)
            #expect(second.token.text == first.token.text)
            #expect(second.configuration == first.configuration)
        }
    }

    @Test func servesOneOrgThatTheTokenOpens() async throws {
        try await withRoot { _, root in
            let embedded = try EmbeddedConfiguration(base, root: root)
            let tenancy = try Tenancy(embedded.configuration, root: root)
            let principal = try tenancy.authenticate(embedded.token.text)
            #expect(principal.org.name == "default")
            #expect(throws: Never.self) {
                try principal.authorize(key: "any")
                try principal.authorizeWrite()
            }
        }
    }

    @Test(arguments: ["", "nonsense\n", "ab_0123456789abcdef_\n"])
    func neverReplacesADamagedFile(text: String) async throws {
        try await withRoot { scratch, root in
            try scratch.write(text, to: file)
            try #require(chmod(scratch.path(file), 0o600) == 0)
            let error = #expect(throws: BackendError.self) { try EmbeddedConfiguration(base, root: root) }
            #expect(error?.code == .invalidConfiguration)
            #expect(error?.message.contains("holds no token") == true)
            #expect(try scratch.read(file) == text)
        }
    }

    @Test func refusesATokenThatOthersCanRead() async throws {
        try await withRoot { scratch, root in
            let token = try EmbeddedConfiguration(base, root: root).token
            try #require(chmod(scratch.path(file), 0o640) == 0)
            let error = #expect(throws: BackendError.self) { try EmbeddedConfiguration(base, root: root) }
            #expect(error?.message.contains("others can read") == true)
            #expect(error?.description.contains(token.text) == false)
        }
    }

    @Test func isNotForAConfigurationWithOrgs() async throws {
        try await withRoot { scratch, root in
            var configuration = base
            configuration.orgs = [OrgConfiguration(name: "acme")]
            let error = #expect(throws: BackendError.self) { try EmbeddedConfiguration(configuration, root: root) }
            #expect(error?.code == .invalidConfiguration)
            #expect(scratch.status(file) == nil)
        }
    }
}
