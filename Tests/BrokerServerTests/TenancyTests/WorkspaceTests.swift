import AgentBackend
import Glibc
import Testing

@testable import BrokerServer

@Suite struct WorkspaceTests {
    private static let identity = HostIdentity(uid: 345_678, gid: 345_678)

    private func makeOrg(_ name: String, identity: HostIdentity? = nil) throws -> Org {
        var configuration = BrokerConfiguration(root: "/r", node: "n")
        configuration.orgs = [OrgConfiguration(name: name)]
        let identities = identity.map { [name: $0] } ?? [:]
        return try #require(try OrgDirectory(configuration, identities: identities)[name])
    }

    private func withRoot(
        identity: HostIdentity? = nil,
        _ body: (ScratchDirectory, BrokerRoot, Org) throws -> Void
    ) async throws {
        try await withScratchDirectory { scratch in
            let root = try await BrokerRoot.open(scratch.path("root"), isPrivileged: identity != nil)
            let org = try makeOrg("acme", identity: identity)
            try root.prepare(org)
            try body(scratch, root, org)
            root.close()
        }
    }

    @Test func makesWorkspaces() async throws {
        try await withRoot { scratch, root, org in
            let path = try root.workspaceDirectory(of: org, key: "k")
            #expect(path == scratch.path("root/v1/orgs/acme/k"))
            #expect(scratch.mode("root/v1/orgs/acme/k") == 0o700)
            try scratch.write("kept", to: "root/v1/orgs/acme/k/file")
            #expect(try root.workspaceDirectory(of: org, key: "k") == path)
            #expect(try scratch.read("root/v1/orgs/acme/k/file") == "kept")
            #expect(root.temporaryDirectory(of: org) == scratch.path("root/v1/orgs/acme/.tmp"))
            #expect(scratch.mode("root/v1/orgs/acme/.tmp") == 0o700)
        }
    }

    @Test(.enabled(if: isRoot)) func givesThemToTheOrg() async throws {
        try await withRoot(identity: Self.identity) { scratch, root, org in
            _ = try root.workspaceDirectory(of: org, key: "k")
            for name in ["k", ".tmp"] {
                let status = try #require(scratch.status("root/v1/orgs/acme/\(name)"))
                #expect(status.st_uid == Self.identity.uid)
                #expect(status.st_gid == Self.identity.gid)
                #expect(status.st_mode & 0o7777 == 0o700)
            }
            for name in ["", "/.keyless"] {
                #expect(scratch.status("root/v1/orgs/acme\(name)")?.st_uid == 0)
                #expect(scratch.mode("root/v1/orgs/acme\(name)") == 0o711)
            }
        }
    }

    @Test(.enabled(if: isRoot)) func finishesWhatACrashInterrupted() async throws {
        try await withRoot(identity: Self.identity) { scratch, root, org in
            try scratch.makeDirectory("root/v1/orgs/acme/k", mode: 0o755)
            _ = try root.workspaceDirectory(of: org, key: "k")
            #expect(scratch.status("root/v1/orgs/acme/k")?.st_uid == Self.identity.uid)
            #expect(scratch.mode("root/v1/orgs/acme/k") == 0o700)
        }
    }

    @Test(arguments: [0o000 as mode_t, 0o500, 0o777, 0o4700, 0o1777])
    func repairsTheMode(mode: mode_t) async throws {
        try await withRoot { scratch, root, org in
            _ = try root.workspaceDirectory(of: org, key: "k")
            try #require(chmod(scratch.path("root/v1/orgs/acme/k"), mode) == 0)
            _ = try root.workspaceDirectory(of: org, key: "k")
            #expect(scratch.mode("root/v1/orgs/acme/k") == 0o700)
        }
    }

    @Test(.enabled(if: isRoot)) func refusesFilesOfSomebodyElse() async throws {
        try await withRoot(identity: Self.identity) { scratch, root, org in
            try scratch.makeDirectory("root/v1/orgs/acme/k")
            try #require(chown(scratch.path("root/v1/orgs/acme/k"), 12345, 12345) == 0)
            let error = #expect(throws: BackendError.self) { try root.workspaceDirectory(of: org, key: "k") }
            #expect(error?.code == .permissionDenied)
            #expect(error?.message.contains("uid 12345") == true)
            #expect(error?.message.contains(scratch.root) == false)
            #expect(scratch.status("root/v1/orgs/acme/k")?.st_uid == 12345)
        }
    }

    @Test func followsNoLinkInThePlaceOfAWorkspace() async throws {
        try await withRoot { scratch, root, org in
            try scratch.makeDirectory("elsewhere", mode: 0o755)
            try #require(symlink(scratch.path("elsewhere"), scratch.path("root/v1/orgs/acme/k")) == 0)
            let error = #expect(throws: BackendError.self) { try root.workspaceDirectory(of: org, key: "k") }
            #expect(error?.code == .writeFailed)
            #expect(error?.message.contains(scratch.root) == false)
            #expect(scratch.mode("elsewhere") == 0o755)
        }
    }

    @Test(arguments: ["", ".", "..", ".tmp", ".trash", "a/b", "../x", "a\0b", String(repeating: "k", count: 129)])
    func refusesWhatIsNoKey(key: String) async throws {
        try await withRoot { scratch, root, org in
            let error = #expect(throws: BackendError.self) { try root.workspaceDirectory(of: org, key: key) }
            #expect(error?.code == .invalidArgument)
            #expect(throws: BackendError.self) { try root.setAsideWorkspace(of: org, key: key) }
            let entries = try scratch.entries("root/v1/orgs/acme")
            #expect(entries == [".keyless", ".tmp"])
        }
    }

    @Test func refusesAnOrgThatWasNotPrepared() async throws {
        try await withRoot { _, root, _ in
            let other = try makeOrg("umbrella")
            let error = #expect(throws: BackendError.self) { try root.workspaceDirectory(of: other, key: "k") }
            #expect(error?.code == .writeFailed)
            #expect(error?.reason == .notFound)
        }
    }

    @Test func aWorkspaceWithoutAKeyEndsWithItsEntry() async throws {
        try await withRoot { scratch, root, org in
            let first = try root.makeKeylessWorkspace(of: org)
            let second = try root.makeKeylessWorkspace(of: org)
            #expect(first.path != second.path)
            #expect(first.path.hasPrefix(scratch.path("root/v1/orgs/acme/.keyless/")))
            try scratch.write("x", to: "root/v1/orgs/acme/.keyless/\(first.name)/file")
            try root.setAside(first, of: org)
            try root.setAside(first, of: org)
            #expect(try scratch.entries("root/v1/orgs/acme/.keyless") == [second.name])
            #expect(try root.emptyTrash(of: "acme") == SweepReport(removed: 2))
        }
    }
}
