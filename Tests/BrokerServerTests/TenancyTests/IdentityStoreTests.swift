import AgentBackend
import Glibc
import Testing

@testable import BrokerServer

/// The identities of a privileged broker. Nothing is given away here, so any user can run these.
@Suite struct IdentityStoreTests {
    private let nobodyElse = HostAccounts.none

    private func store(_ scratch: ScratchDirectory, accounts: HostAccounts? = nil) async throws -> IdentityStore {
        let root = try await BrokerRoot.open(scratch.path("root"), isPrivileged: true)
        return IdentityStore(root: root, accounts: accounts ?? nobodyElse)
    }

    @Test func anUnprivilegedBrokerHasNone() async throws {
        try await withScratchDirectory { scratch in
            let root = try await BrokerRoot.open(scratch.path("root"), isPrivileged: false)
            let store = IdentityStore(root: root, accounts: nobodyElse)
            #expect(try store.identities(of: ["a"], from: 100..<110).isEmpty)
            #expect(try scratch.entries("root/state").isEmpty)
        }
    }

    @Test func remembersAcrossStarts() async throws {
        try await withScratchDirectory { scratch in
            let first = try await store(scratch)
            let given = try first.identities(of: ["a", "b"], from: 100..<110)
            #expect(given.mapValues(\.uid) == ["a": 100, "b": 101])
            #expect(scratch.mode("root/state/identities") == 0o600)
            #expect(try scratch.entries("root/state") == ["identities"])
            first.root.close()

            let second = try await store(scratch)
            #expect(
                try second.identities(of: ["b", "c", "a"], from: 100..<110) == [
                    "a": HostIdentity(uid: 100, gid: 100),
                    "b": HostIdentity(uid: 101, gid: 101),
                    "c": HostIdentity(uid: 102, gid: 102),
                ]
            )
        }
    }

    @Test func givesAnIdentityOfAnOrgThatIsGoneToNoOther() async throws {
        try await withScratchDirectory { scratch in
            let store = try await store(scratch)
            _ = try store.identities(of: ["a", "b"], from: 100..<103)
            #expect(try store.identities(of: ["c"], from: 100..<103).mapValues(\.uid) == ["c": 102])
            let error = #expect(throws: BackendError.self) { try store.identities(of: ["d"], from: 100..<103) }
            #expect(error?.code == .invalidConfiguration)
            #expect(error?.message.contains("raise identities.count") == true)
            #expect(try store.identities(of: ["d"], from: 100..<104).mapValues(\.uid) == ["d": 103])
            // Whoever comes back finds its own files.
            #expect(try store.identities(of: ["a"], from: 500..<501).mapValues(\.uid) == ["a": 100])
        }
    }

    @Test func givesNoAccountOfTheHostAway() async throws {
        try await withScratchDirectory { scratch in
            var accounts = HostAccounts.none
            accounts.user = { $0 == 100 ? "alice" : nil }
            accounts.group = { $0 == 101 ? "staff" : nil }
            let store = try await store(scratch, accounts: accounts)
            #expect(try store.identities(of: ["a"], from: 100..<110).mapValues(\.uid) == ["a": 102])
        }
    }

    @Test func refusesAnIdentityThatTheHostGaveAwayMeanwhile() async throws {
        try await withScratchDirectory { scratch in
            let before = try await store(scratch)
            _ = try before.identities(of: ["a"], from: 100..<110)
            var accounts = HostAccounts.none
            accounts.group = { $0 == 100 ? "staff" : nil }
            let after = IdentityStore(root: before.root, accounts: accounts)
            let error = #expect(throws: BackendError.self) { try after.identities(of: ["a"], from: 100..<110) }
            #expect(error?.code == .invalidConfiguration)
            #expect(error?.message.contains("the id 100 of org a is also that of group staff") == true)
        }
    }

    @Test(arguments: ["", "{", "{\"version\":9,\"identities\":[]}", "identities\n"])
    func neverReplacesADamagedFile(text: String) async throws {
        try await withScratchDirectory { scratch in
            let store = try await store(scratch)
            try scratch.write(text, to: "root/state/identities")
            let error = #expect(throws: BackendError.self) { try store.identities(of: ["a"], from: 100..<110) }
            #expect(error?.code == .invalidConfiguration)
            #expect(error?.message.contains("restore it from a backup") == true)
            #expect(try scratch.read("root/state/identities") == text)
        }
    }

    @Test func refusesToBeginAnewWhereOrgsHaveFiles() async throws {
        try await withScratchDirectory { scratch in
            let store = try await store(scratch)
            try scratch.makeDirectory("root/v1/orgs/b")
            let error = #expect(throws: BackendError.self) { try store.identities(of: ["a"], from: 100..<110) }
            #expect(error?.message.contains("is missing, although") == true)
            #expect(try scratch.entries("root/state").isEmpty)
        }
    }

    @Test func aWriteThatACrashCutShortLeavesTheOldFile() async throws {
        try await withScratchDirectory { scratch in
            let store = try await store(scratch)
            _ = try store.identities(of: ["a"], from: 100..<110)
            try scratch.write("{\"vers", to: "root/state/.identities.new")
            #expect(try store.identities(of: ["a", "b"], from: 100..<110).mapValues(\.uid) == ["a": 100, "b": 101])
            #expect(try scratch.entries("root/state") == ["identities"])
        }
    }

    @Test func givesOnlyNumbersThatThereAre() async throws {
        try await withScratchDirectory { scratch in
            var accounts = HostAccounts.none
            accounts.uids = NumberMap("0 0 102")
            accounts.gids = NumberMap("0 1000 1\n100 5000 1000")
            let store = try await store(scratch, accounts: accounts)
            let outside = #expect(throws: BackendError.self) { try store.identities(of: ["a"], from: 102..<110) }
            #expect(outside?.code == .invalidConfiguration)
            #expect(outside?.message.contains("(it has uids 0-101 and gids 0-0, 100-1099)") == true)
            #expect(try store.identities(of: ["a", "b"], from: 100..<110).mapValues(\.uid) == ["a": 100, "b": 101])
            #expect(throws: BackendError.self) { try store.identities(of: ["c"], from: 100..<110) }

            // The same files in a container that has less.
            accounts.uids = NumberMap("0 0 101")
            let smaller = IdentityStore(root: store.root, accounts: accounts)
            let gone = #expect(throws: BackendError.self) { try smaller.identities(of: ["b"], from: 100..<110) }
            #expect(gone?.message.contains("the id 101 for org b does not exist in this container") == true)
        }
    }

    @Test(arguments: ["", "x", "0 0", "0 0 0", "-1 0 5", "99999999999 0 1"])
    func readsNoNumbersFromNonsense(text: String) {
        #expect(!NumberMap(text).contains(0))
    }

    @Test func knowsTheAccountsOfThisHost() {
        #expect(HostAccounts.system.user(0) == "root")
        #expect(HostAccounts.system.group(0) == "root")
        #expect(HostAccounts.system.holder(of: 0) == "user root")
        #expect(HostAccounts.system.holder(of: 3_999_999_999) == nil)
        #expect(HostAccounts.system.uids.contains(0))
        #expect(HostAccounts.system.gids.contains(0))
    }
}

extension HostAccounts {
    /// A host without any, on which every number can be given away.
    static let none = HostAccounts(
        user: { _ in nil },
        group: { _ in nil },
        uids: NumberMap("0 0 4294967295"),
        gids: NumberMap("0 0 4294967295")
    )
}
