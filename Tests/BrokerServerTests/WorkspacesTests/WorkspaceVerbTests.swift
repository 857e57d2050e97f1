import AgentBackend
import BrokerServer
import BrokerTestKit
import BrokerWire
import NIOCore
import Testing

/// Listing and deleting workspaces, as a client on the wire sees it.
@Suite(.timeLimit(.minutes(1))) struct WorkspaceVerbTests {
    @Test func thoseOfTheOrgAreListed() async throws {
        try await withBroker(orgs: ["acme", "other"]) { broker in
            let client = try await WireConversation(with: broker)
            let other = try await WireConversation(with: broker, org: "other")
            try await other.write("x", to: "f", key: "other")
            for key in ["c", "a", "b"] { try await client.write("x", to: "f", key: key) }
            // Memory has no files.
            let memory = client.frame(.write(Write(path: Array("f".utf8))), key: "m", backend: .memory)
            try await client.call(memory)

            let all = try await client.workspaces()
            #expect(all.workspaces.map(\.key) == ["a", "b", "c"] && !all.isTruncated)
            #expect(all.workspaces.allSatisfy { $0.isLive && $0.usedNanoseconds > 1_600_000_000_000_000_000 })
            let first = try await client.workspaces(limit: 2)
            #expect(first.workspaces.map(\.key) == ["a", "b"] && first.isTruncated)
            let rest = try await client.workspaces(after: "b", limit: 2)
            #expect(rest.workspaces.map(\.key) == ["c"] && !rest.isTruncated)
            #expect(try await other.workspaces().workspaces.map(\.key) == ["other"])
            await client.client.close()
            await other.client.close()
        }
    }

    @Test func aNarrowTokenSeesAndDeletesItsOwn() async throws {
        let (narrow, reader) = (Token.generate(), Token.generate())
        var record = TokenRecord(id: narrow.id, name: "narrow", hash: narrow.hash)
        record.keyPatterns = [try #require(KeyPattern("team-*"))]
        var readOnly = TokenRecord(id: reader.id, name: "reader", hash: reader.hash)
        readOnly.isReadOnly = true
        let tokens = [record, readOnly]
        try await withConversation(configure: { $0.orgs[0].tokens += tokens }) { broker, full in
            for key in ["a", "team-1", "team-2", "z"] { try await full.write("x", to: "f", key: key) }
            let team = try await WireConversation(with: broker, token: narrow.text)
            #expect(try await team.workspaces().workspaces.map(\.key) == ["team-1", "team-2"])
            #expect(try await errorCode { try await team.delete("a") } == .permissionDenied)
            #expect(try await team.delete("team-1"))
            let observer = try await WireConversation(with: broker, token: reader.text)
            #expect(try await observer.workspaces().workspaces.map(\.key) == ["a", "team-2", "z"])
            #expect(try await errorCode { try await observer.delete("a") } == .permissionDenied)
            for key in ["", "..", ".tmp", ".trash", "a/b"] {
                #expect(try await errorCode { try await full.delete(key) } == .invalidArgument)
            }
            #expect(try await full.workspaces().workspaces.map(\.key) == ["a", "team-2", "z"])
            await team.client.close()
            await observer.client.close()
        }
    }

    @Test func itsFilesAreGone() async throws {
        try await withConversation { broker, client in
            try await client.write("old", to: "deep/er/file", key: "a")
            try await client.write("kept", to: "file", key: "b")
            #expect(try await client.delete("a"))
            #expect(try await !client.delete("a"))
            #expect(try await client.workspaces().workspaces.map(\.key) == ["b"])
            await broker.untilTrashIsEmpty()
            #expect(!broker.entries(of: "v1/orgs/acme").contains("a"))
            #expect(try await !client.exists("deep/er/file", key: "a"))
            try await client.write("new", to: "file", key: "a")
            #expect(try await client.read("file", key: "a") == "new")
            #expect(try await client.read("file", key: "b") == "kept")
            #expect(try await client.statistics().workspacesDeleted == 1)
        }
    }

    @Test func whileALeaseIsOutItStays() async throws {
        try await withConversation { broker, client in
            try await client.write("kept", to: "file", key: "a")
            let lease = try await client.acquire("a")
            let other = try await WireConversation(with: broker)
            #expect(try await errorCode { try await other.delete("a") } == .conflict)
            #expect(try await client.read("file", key: "a") == "kept")
            try await client.call(client.frame(.release(Release(lease: lease.lease))))
            #expect(try await other.delete("a"))
            await other.client.close()
        }
    }

    /// What was under way is told so, and none of it is left.
    @Test func forceEndsWhatUsesIt() async throws {
        try await withConversation { broker, client in
            try await client.write("old", to: "file", key: "a")
            let lease = try await client.acquire("a")
            let exec = try await client.begin(client.frame(WireConversation.shell("sleep 1000"), key: "a"))
            try await client.waitUntilStarted(exec)
            let upload = client.frame(
                .write(Write(path: Array("upload".utf8))),
                key: "a",
                last: false,
                payload: ByteBuffer(string: "first")
            )
            try await client.client.send(upload)
            try await client.waitUntil { $0.callsInFlight >= 2 }

            let other = try await WireConversation(with: broker)
            #expect(try await errorCode { try await other.delete("a") } == .conflict)
            #expect(try await other.delete("a", force: true))
            #expect(processes(beneath: broker.root).isEmpty)
            for id in [exec, upload.id] {
                #expect(try await errorCode { try await client.result(of: id) } == .backendDestroyed)
            }
            var stat = client.frame(.stat(Stat(path: Array("file".utf8))), key: "")
            stat.target?.lease = lease.lease
            #expect(try await errorCode { try await client.call(stat) } == .backendDestroyed)
            #expect(try await !client.exists("file", key: "a"))
            #expect(broker.temporaryFiles().isEmpty)
            await other.client.close()
        }
    }

    /// An entry that was replaced while it was leased uses the files on, and nothing ends it but its lease.
    @Test(arguments: [false, true])
    func anEntryThatIsOnItsWayOutIsWaitedFor(force: Bool) async throws {
        let clock = MockClock()
        let configure = { (configuration: inout BrokerConfiguration) in
            configuration.pool.maxLifetime = .milliseconds(1)
        }
        try await withBroker(configure: configure, time: BrokerTime(clock: clock)) { broker in
            // The look for unused workspaces.
            await clock.nextTimerScheduled()
            let client = try await WireConversation(with: broker)
            let other = try await WireConversation(with: broker)
            let first = try await client.acquire("a")
            var second = try await client.acquire("a")
            while !second.created {
                try await client.call(client.frame(.release(Release(lease: second.lease))))
                second = try await client.acquire("a")
            }
            try await client.call(client.frame(.release(Release(lease: second.lease))))
            if force {
                #expect(try await other.delete("a", force: true))
            } else {
                async let code = errorCode { try await other.delete("a") }
                await clock.nextTimerScheduled()
                clock.advance(by: .seconds(100))
                #expect(try await code == .conflict)
                try await client.call(client.frame(.release(Release(lease: first.lease))))
                #expect(try await other.delete("a"))
            }
            await client.client.close()
            await other.client.close()
        }
    }

    /// Whoever takes a lease finds all of the files or none, however many deletions come in between.
    @Test func anAcquireFindsTheOldWorkspaceOrANewOne() async throws {
        try await withBroker { broker in
            let names = (0..<8).map { "file-\($0)" }
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<2 {
                    group.addTask {
                        let client = try await WireConversation(with: broker)
                        var deletions = 0
                        for _ in 0..<150 where (try? await client.delete("k")) == true { deletions += 1 }
                        await client.client.close()
                        return deletions
                    }
                }
                group.addTask {
                    let client = try await WireConversation(with: broker)
                    for _ in 0..<60 { try await Self.visit(client, names) }
                    await client.client.close()
                    return 0
                }
                let deletions = try await group.reduce(0, +)
                #expect(deletions > 0)
            }
        }
    }

    private static func visit(_ client: WireConversation, _ names: [String]) async throws {
        let lease = try await client.acquire("k")
        func leased(_ operation: BrokerWire.Operation, _ payload: ByteBuffer = ByteBuffer()) -> ClientFrame {
            var frame = client.frame(operation, payload: payload)
            frame.target?.lease = lease.lease
            return frame
        }
        guard case .readdir(let page)? = try await client.call(leased(.readdir(Readdir(path: [])))).reply else {
            throw WireConversation.Unexpected(frame: nil)
        }
        let found = page.entries.map { String(decoding: $0.name, as: UTF8.self) }
        #expect(found.isEmpty || found == names)
        for name in names where found.isEmpty {
            try await client.call(leased(.write(Write(path: Array(name.utf8))), ByteBuffer(string: name)))
        }
        for name in names {
            let contents = try await client.call(leased(.read(Read(path: Array(name.utf8))))).payload
            #expect(String(buffer: contents) == name)
        }
        try await client.call(leased(.release(Release(lease: lease.lease))))
    }
}

extension InProcessBroker {
    /// Waits for it; nothing tells when it is.
    func untilTrashIsEmpty() async {
        while !entries(of: "v1/orgs/acme/.trash").isEmpty { await Task.yield() }
    }
}

extension WireConversation {
    func workspaces(after key: String = "", limit: UInt32 = 0) async throws -> WorkspacePage {
        var list = frame(.listWorkspaces(ListWorkspaces(after: key, limit: limit)))
        list.target = nil
        guard case .listWorkspaces(let page)? = try await call(list).reply else { throw Unexpected(frame: nil) }
        return page
    }

    func acquire(_ key: String) async throws -> AcquireReply {
        guard case .acquire(let reply)? = try await call(frame(.acquire(Acquire()), key: key)).reply else {
            throw Unexpected(frame: nil)
        }
        return reply
    }

    @discardableResult
    func delete(_ key: String, force: Bool = false) async throws -> Bool {
        var delete = frame(.deleteWorkspace(DeleteWorkspace(key: key, force: force)))
        delete.target = nil
        guard case .deleteWorkspace(let deleted)? = try await call(delete).reply else { throw Unexpected(frame: nil) }
        return deleted
    }
}
