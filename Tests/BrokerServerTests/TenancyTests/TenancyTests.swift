import AgentBackend
import Glibc
import Testing

@testable import BrokerServer

@Suite struct TenancyTests {
    private let token = Token.generate()

    private func configuration(_ names: String...) -> BrokerConfiguration {
        var configuration = BrokerConfiguration(root: "/r", node: "n")
        configuration.orgs = names.map(OrgConfiguration.init(name:))
        configuration.orgs[0].tokens = [TokenRecord(id: token.id, name: "t", hash: token.hash)]
        return configuration
    }

    @Test func preparesEveryOrg() async throws {
        try await withScratchDirectory { scratch in
            let root = try await BrokerRoot.open(scratch.path("root"), isPrivileged: false)
            let tenancy = try Tenancy(configuration("a", "b"), root: root)
            #expect(try scratch.entries("root/v1/orgs") == ["a", "b"])
            #expect(try scratch.entries("root/v1/orgs/a") == [".keyless", ".tmp"])
            #expect(try tenancy.authenticate(token.text).org.name == "a")
            #expect(tenancy.current.orgs["b"]?.identity == nil)
            root.close()
        }
    }

    @Test(.enabled(if: isRoot)) func givesEveryOrgAnIdentity() async throws {
        try await withScratchDirectory { scratch in
            let root = try await BrokerRoot.open(scratch.path("root"))
            var configuration = configuration("a", "b")
            configuration.identities = .init(first: 300_000, count: 2)
            let tenancy = try Tenancy(configuration, root: root, accounts: .none)
            #expect(tenancy.current.orgs["b"]?.identity == HostIdentity(uid: 300_001, gid: 300_001))
            #expect(scratch.status("root/v1/orgs/b/.tmp")?.st_uid == 300_001)
            root.close()
        }
    }

    @Test func aReloadPutsAnotherConfigurationInPlace() async throws {
        try await withScratchDirectory { scratch in
            let root = try await BrokerRoot.open(scratch.path("root"), isPrivileged: false)
            let tenancy = try Tenancy(configuration("a"), root: root)
            let held = try tenancy.authenticate(token.text)

            var next = configuration("b", "a")
            next.orgs[1].env = try Environment(["A": "1"])
            let snapshot = try tenancy.prepare(next)
            #expect(try tenancy.authenticate(token.text).org.name == "a")
            tenancy.replace(with: snapshot)
            #expect(snapshot.orgs["b"]?.id == 1)
            #expect(try tenancy.authenticate(token.text).org.name == "b")
            #expect(tenancy.current.orgs["a"]?.id == held.org.id)
            #expect(tenancy.current.orgs["a"]?.environment.isEmpty == false)
            #expect(held.org.environment.isEmpty)
            #expect(tenancy.current.tokens.renewed(held) == nil)
            #expect(try scratch.entries("root/v1/orgs") == ["a", "b"])
            root.close()
        }
    }

    @Test func aReloadThatFailsChangesNothing() async throws {
        try await withScratchDirectory { scratch in
            let root = try await BrokerRoot.open(scratch.path("root"), isPrivileged: false)
            let tenancy = try Tenancy(configuration("a"), root: root)
            #expect(throws: BackendError.self) { try tenancy.prepare(configuration("b", "b")) }
            #expect(try tenancy.authenticate(token.text).org.name == "a")
            #expect(try scratch.entries("root/v1/orgs") == ["a"])
            root.close()
        }
    }
}
