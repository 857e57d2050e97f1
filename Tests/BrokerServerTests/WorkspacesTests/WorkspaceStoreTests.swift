import AgentBackend
import Glibc
import Testing

@testable import BrokerServer

/// What is on disk about workspaces: keys, and when each was last used.
@Suite struct WorkspaceStoreTests {
    private func withOrg(_ body: (ScratchDirectory, BrokerRoot, Org) throws -> Void) async throws {
        try await withScratchDirectory { scratch in
            let root = try await BrokerRoot.open(scratch.path("root"), isPrivileged: false)
            var configuration = BrokerConfiguration(root: "/r", node: "n")
            configuration.orgs = [OrgConfiguration(name: "acme")]
            let org = try #require(try OrgDirectory(configuration)["acme"])
            try root.prepare(org)
            try body(scratch, root, org)
            root.close()
        }
    }

    @Test func usesAreRemembered() async throws {
        try await withOrg { scratch, root, org in
            _ = try root.workspaceDirectory(of: org, key: "k")
            let before = try root.workspaces(of: org, after: "", limit: 10) { _ in true }.workspaces
            let changed = try #require(scratch.status("root/v1/orgs/acme/k")).st_ctim.inNanoseconds
            #expect(before == [BrokerRoot.Workspace(key: "k", usedNanoseconds: changed)])
            for time in [1_234_567_890_123_456_789, 17] as [Int64] {
                try root.noteUse(of: org, key: "k", at: time)
                let after = try root.workspaces(of: org, after: "", limit: 10) { _ in true }.workspaces
                #expect(after == [BrokerRoot.Workspace(key: "k", usedNanoseconds: time)])
            }
            // Beyond the reach of the org's user, whose the workspace is.
            #expect(scratch.mode("root/state") == 0o700)
            #expect(try scratch.entries("root/state/used/acme") == ["k"])
        }
    }

    @Test func pagesAreSortedAsBytesAndNarrowed() async throws {
        try await withOrg { scratch, root, org in
            for key in ["b", "B", "a-1", "a.1", "a1", "10", "9"] {
                _ = try root.workspaceDirectory(of: org, key: key)
            }
            try scratch.write("no workspace", to: "root/v1/orgs/acme/file")
            try scratch.makeDirectory("root/v1/orgs/acme/lost+found")
            var (pages, after, isTruncated) = ([[String]](), "", true)
            while isTruncated {
                let page = try root.workspaces(of: org, after: after, limit: 3) { $0 != "9" }
                pages.append(page.workspaces.map(\.key))
                after = page.workspaces.last?.key ?? ""
                isTruncated = page.isTruncated
            }
            // What is no workspace counted as one that came after.
            #expect(pages == [["10", "B", "a-1"], ["a.1", "a1", "b"], []])
        }
    }

    @Test func theLongestUnusedComeFirst() async throws {
        try await withOrg { scratch, root, org in
            for (key, time) in [("new", 100), ("old", 10), ("older", 5), ("kept", 1), ("oldest", 2)] {
                _ = try root.workspaceDirectory(of: org, key: key)
                try root.noteUse(of: org, key: key, at: Int64(time))
            }
            _ = try root.workspaceDirectory(of: org, key: "unknown")
            func unused(_ limit: Int) throws -> [String] {
                try root.workspaces(of: org, unusedSince: 50, now: 60, limit: limit) { $0 == "kept" }.map(\.key)
            }
            #expect(try unused(2) == ["oldest", "older"])
            #expect(try unused(10) == ["oldest", "older", "old"])
            // Its time runs from when it was first seen.
            #expect(try root.useTime(of: org, key: "unknown") == 60)
        }
    }

    @Test func whatIsSetAsideIsGoneAtOnceAndRemovedLater() async throws {
        try await withOrg { scratch, root, org in
            _ = try root.workspaceDirectory(of: org, key: "gone")
            _ = try root.workspaceDirectory(of: org, key: "kept")
            try root.noteUse(of: org, key: "gone", at: 5)
            try scratch.makeDirectory("root/v1/orgs/acme/gone/sub")
            try scratch.write("x", to: "root/v1/orgs/acme/gone/sub/file")
            try #require(chmod(scratch.path("root/v1/orgs/acme/gone/sub"), 0) == 0)
            try #require(chmod(scratch.path("root/v1/orgs/acme/gone"), 0) == 0)
            #expect(try root.setAsideWorkspace(of: org, key: "gone"))
            #expect(scratch.status("root/v1/orgs/acme/gone") == nil)
            #expect(try root.useTime(of: org, key: "gone") == nil)
            #expect(try !root.setAsideWorkspace(of: org, key: "gone"))
            // The next one is made meanwhile.
            _ = try root.workspaceDirectory(of: org, key: "gone")
            #expect(try root.emptyTrash(of: "acme") == SweepReport(removed: 3))
            #expect(try scratch.entries("root/v1/orgs/acme/.trash").isEmpty)
            #expect(try scratch.entries("root/v1/orgs/acme/gone").isEmpty)
            #expect(scratch.status("root/v1/orgs/acme/kept") != nil)
        }
    }

    @Test func aSelectionKeepsTheFirst() {
        var few = BoundedSelection<Int>(limit: 3, precedes: <)
        for number in [5, 2, 9] { few.insert(number) }
        #expect(few.sorted() == [2, 5, 9] && !few.isTruncated)
        var many = BoundedSelection<Int>(limit: 3, precedes: <)
        for number in 0..<1000 { many.insert((number * 7919) % 1000) }
        #expect(many.sorted() == [0, 1, 2] && many.isTruncated)
        var none = BoundedSelection<Int>(limit: 0, precedes: <)
        none.insert(1)
        #expect(none.sorted() == [] && none.isTruncated)
    }
}
