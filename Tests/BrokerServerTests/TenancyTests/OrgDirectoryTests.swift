import AgentBackend
import Testing

@testable import BrokerServer

@Suite struct OrgDirectoryTests {
    private func configuration(_ names: String...) -> BrokerConfiguration {
        var configuration = BrokerConfiguration(root: "/r", node: "n")
        configuration.orgs = names.map(OrgConfiguration.init(name:))
        return configuration
    }

    @Test func numbersOrgsFromZero() throws {
        let directory = try OrgDirectory(configuration("a", "b", "c"))
        #expect(directory.orgs.map(\.id) == [0, 1, 2])
        #expect(directory["b"]?.id == 1)
        #expect(directory["d"] == nil)
    }

    @Test func aNameKeepsItsNumberAndNoNumberIsUsedAgain() throws {
        let first = try OrgDirectory(configuration("a", "b"))
        let second = try OrgDirectory(configuration("c", "b"), replacing: first)
        #expect(second.orgs.map(\.id) == [2, 1])
        #expect(second["a"] == nil)
        let third = try OrgDirectory(configuration("d", "a"), replacing: second)
        #expect(third.orgs.map(\.id) == [3, 0])
    }

    @Test func resolvesLimits() throws {
        var configuration = configuration("a", "b")
        configuration.pool.maxEntriesPerOrg = 7
        configuration.orgs[1].limits.maxEntries = 3
        configuration.orgs[1].limits.maxMemoryBytes = 0
        let directory = try OrgDirectory(configuration)
        #expect(directory["a"]?.limits.maxEntries == 7)
        #expect(directory["a"]?.limits.maxMemoryBytes == 256 << 20)
        #expect(directory["b"]?.limits.maxEntries == 3)
        #expect(directory["b"]?.limits.maxMemoryBytes == 0)
        #expect(directory["b"]?.limits.maxFileBytes == 16 << 30)
    }

    @Test func carriesEnvironmentAndIdentity() throws {
        var configuration = configuration("a")
        configuration.orgs[0].env = try Environment(["A": "1"])
        let identity = HostIdentity(uid: 5, gid: 6)
        let directory = try OrgDirectory(configuration, identities: ["a": identity])
        #expect(directory["a"]?.identity == identity)
        #expect(directory["a"]?.environment == (try Environment(["A": "1"])))
    }

    @Test func refusesAnOrgWithoutIdentityWhereOthersHaveOne() {
        let error = #expect(throws: BackendError.self) {
            try OrgDirectory(configuration("a", "b"), identities: ["a": HostIdentity(uid: 5, gid: 5)])
        }
        #expect(error?.code == .internal)
    }

    @Test(arguments: [["a", "a"], ["../x"], [""]])
    func refusesNames(names: [String]) {
        var configuration = BrokerConfiguration(root: "/r", node: "n")
        configuration.orgs = names.map(OrgConfiguration.init(name:))
        let error = #expect(throws: BackendError.self) { try OrgDirectory(configuration) }
        #expect(error?.code == .invalidConfiguration)
    }
}
