import AgentBackend
import BrokerServer
import BrokerTestKit
import BrokerWire
import NIOCore
import Testing

/// What an acquire may say of its entry, and that the entry keeps to it.
@Suite(.timeLimit(.minutes(1))) struct EntryLimitsTests {
    private func acquire(
        _ client: WireConversation,
        _ configuration: EntryConfiguration? = nil,
        key: String = "k",
        backend: BackendType = .localFilesystem,
        queueDeadline: Duration? = nil
    ) async throws -> UInt64 {
        let special = queueDeadline.map { CallOptions.Special(queueDeadline: $0) }
        let acquire = client.frame(
            .acquire(Acquire(configuration: configuration)),
            key: key,
            backend: backend,
            special: special
        )
        guard case .acquire(let reply)? = try await client.call(acquire).reply else {
            throw WireConversation.Unexpected(frame: nil)
        }
        return reply.lease
    }

    private func failure(_ body: () async throws -> Void) async throws -> BackendError? {
        do {
            try await body()
            return nil
        } catch let error as BackendError {
            return error
        }
    }

    private func write(
        _ count: Int,
        _ client: WireConversation,
        backend: BackendType,
        isWhole: Bool = true
    ) async throws {
        let path = Array("f".utf8)
        if isWhole {
            let bytes = ByteBuffer(repeating: 1, count: count)
            try await client.call(client.frame(.write(Write(path: path)), backend: backend, payload: bytes))
        } else {
            let half = ByteBuffer(repeating: 1, count: count / 2)
            let frame = client.frame(.write(Write(path: path)), backend: backend, last: false, payload: half)
            let rest = ByteBuffer(repeating: 2, count: count - count / 2)
            try await client.client.send(frame, ClientFrame(id: frame.id, body: .chunk, payload: rest))
            try await client.result(of: frame.id)
        }
    }

    /// More than the org has is refused, each by its name; as much is not.
    @Test func noMoreThanTheOrg() async throws {
        let configure = { (configuration: inout BrokerConfiguration) in
            configuration.exec.maxTimeout = .seconds(7200)
            configuration.pool.maxLeasesPerEntry = 5
            configuration.orgs[0].limits.maxFileBytes = 1000
            configuration.orgs[0].limits.maxMemoryBytes = 2000
        }
        try await withConversation(configure: configure) { _, client in
            let cases: [(name: String, more: EntryLimits, same: EntryLimits, asked: UInt64, allowed: UInt64)] = [
                (
                    "max_file_bytes", EntryLimits(maximumFileBytes: 1001), EntryLimits(maximumFileBytes: 1000), 1001,
                    1000
                ),
                (
                    "max_memory_bytes", EntryLimits(maximumMemoryBytes: 2001), EntryLimits(maximumMemoryBytes: 2000),
                    2001, 2000
                ),
                (
                    "max_exec_timeout_ms", EntryLimits(maximumExecTimeout: .milliseconds(7_200_001)),
                    EntryLimits(maximumExecTimeout: .seconds(7200)), 7_200_001, 7_200_000
                ),
                ("max_leases", EntryLimits(maximumLeases: 6), EntryLimits(maximumLeases: 5), 6, 5),
            ]
            for (index, limit) in cases.enumerated() {
                let key = "key-\(index)"
                let error = try await failure {
                    _ = try await acquire(client, EntryConfiguration(limits: limit.more), key: key)
                }
                #expect(error?.code == .invalidArgument)
                #expect(
                    error?.limit == LimitDetails(name: limit.name, used: limit.asked, allowed: limit.allowed),
                    "\(limit.name)"
                )
                _ = try await acquire(client, EntryConfiguration(limits: limit.same), key: key)
            }
        }
    }

    @Test(arguments: [BackendType.localFilesystem, .memory])
    func filesAreNoLarger(backend: BackendType) async throws {
        try await withConversation { _, client in
            let configuration = EntryConfiguration(limits: EntryLimits(maximumFileBytes: 100_000))
            _ = try await acquire(client, configuration, backend: backend)
            for isWhole in [true, false] {
                try await write(100_000, client, backend: backend, isWhole: isWhole)
                let error = try await failure {
                    try await write(100_001, client, backend: backend, isWhole: isWhole)
                }
                #expect(error?.code == .writeFailed && error?.reason == .tooLarge)
                #expect(error?.limit?.allowed == 100_000)
            }
            let append = client.frame(
                .write(Write(path: Array("f".utf8), options: WriteOptions(mode: .append))),
                backend: backend,
                payload: ByteBuffer(string: "x")
            )
            #expect(try await failure { try await client.call(append) }?.reason == .tooLarge)
        }
    }

    /// Its memory is a part of the org's.
    @Test func memoryIsTheEntrysAndTheOrgs() async throws {
        try await withConversation(configure: { $0.orgs[0].limits.maxMemoryBytes = 100_000 }) { _, client in
            func put(_ count: Int, _ key: String) async throws -> BackendError? {
                let write = client.frame(
                    .write(Write(path: Array("f".utf8))),
                    key: key,
                    backend: .memory,
                    payload: ByteBuffer(repeating: 1, count: count)
                )
                return try await failure { try await client.call(write) }
            }
            let small = EntryConfiguration(limits: EntryLimits(maximumMemoryBytes: 40_000))
            _ = try await acquire(client, small, key: "small", backend: .memory)
            let error = try await put(40_000, "small")
            #expect(error?.code == .resourceExhausted && error?.limit?.allowed == 40_000)
            #expect(try await put(35_000, "small") == nil)
            // The others have what it left.
            #expect(try await put(70_000, "other")?.limit?.allowed == 100_000)
            #expect(try await put(62_000, "other") == nil)
            // And it has no more than they left, whatever it may have.
            #expect(try await put(37_000, "small") == nil)
            #expect(try await put(39_000, "small")?.limit?.allowed == 100_000)
        }
    }

    @Test func commandsRunNoLonger() async throws {
        try await withConversation { _, client in
            let configuration = EntryConfiguration(limits: EntryLimits(maximumExecTimeout: .milliseconds(300)))
            _ = try await acquire(client, configuration)
            func exec(_ timeout: Duration?) -> ClientFrame {
                client.frame(
                    .execStart(ExecStart(program: .shellLine(Array("sleep 1000".utf8)), timeout: timeout))
                )
            }
            guard case .execEnd(let end)? = try await client.call(exec(nil)).reply else {
                throw WireConversation.Unexpected(frame: nil)
            }
            #expect(end.end.outcome == .timedOut(after: .milliseconds(300)))
            let error = try await failure { try await client.call(exec(.milliseconds(301))) }
            #expect(error?.code == .invalidArgument)
            #expect(error?.limit == LimitDetails(name: "exec_timeout_ms", used: 301, allowed: 300))
        }
    }

    @Test func anEntryKeepsWhatItWasMadeWith() async throws {
        try await withConversation { _, client in
            let one = EntryConfiguration(
                environment: try Environment(["A": "1"]),
                limits: EntryLimits(maximumFileBytes: 10)
            )
            let other = EntryConfiguration(limits: EntryLimits(maximumFileBytes: 11))
            _ = try await acquire(client, one)
            _ = try await acquire(client, one)
            _ = try await acquire(client, nil)
            for different in [other, EntryConfiguration(idleTimeout: .seconds(1)), EntryConfiguration()] {
                #expect(try await failure { _ = try await acquire(client, different) }?.code == .conflict)
            }
            let env = try await client.call(client.frame(WireConversation.shell("echo $A")))
            #expect(String(buffer: env.payload) == "1\n")
        }
    }

    @Test func leasesOfOneEntryAreCounted() async throws {
        try await withConversation { broker, client in
            let alone = EntryConfiguration(limits: EntryLimits(maximumLeases: 1))
            let lease = try await acquire(client, alone)
            let other = try await WireConversation(with: broker)
            let error = try await failure {
                _ = try await acquire(other, queueDeadline: .milliseconds(20))
            }
            #expect(error?.code == .resourceExhausted, "\(String(describing: error))")
            try await client.call(client.frame(.release(Release(lease: lease))))
            _ = try await acquire(other)
            await other.client.close()
        }
    }

    private static func cleansUpOften(_ configuration: inout BrokerConfiguration) {
        configuration.pool.cleanupInterval = .milliseconds(10)
    }

    private func describe(_ client: WireConversation, key: String, _ backend: BackendType) async throws -> DescribeReply
    {
        let describe = client.frame(.describe, key: key, backend: backend)
        guard case .describe(let reply)? = try await client.call(describe).reply else {
            throw WireConversation.Unexpected(frame: nil)
        }
        return reply
    }

    /// Memory is an agent's state: it goes only where that was asked for.
    @Test func idleTimeoutsAreTheEntrys() async throws {
        try await withConversation(configure: Self.cleansUpOften) { _, client in
            let short = EntryConfiguration(idleTimeout: .milliseconds(1))
            for backend in [BackendType.localFilesystem, .memory] {
                let lease = try await acquire(client, short, key: "short", backend: backend)
                let write = client.frame(
                    .write(Write(path: Array("f".utf8))),
                    key: "short",
                    backend: backend,
                    payload: ByteBuffer(string: "x")
                )
                try await client.call(write)
                try await client.call(client.frame(.release(Release(lease: lease))))
                // Looking at it is no use of it.
                while try await describe(client, key: "short", backend).isLive { try Task.checkCancellation() }
            }
            #expect(try await client.read("f", key: "short") == "x")
            let gone = client.frame(.read(Read(path: Array("f".utf8))), key: "short", backend: .memory)
            #expect(try await failure { try await client.call(gone) }?.code == .keyNotFound)
        }
    }

    @Test func memoryStaysUnlessAskedFor() async throws {
        let configure = { (configuration: inout BrokerConfiguration) in
            Self.cleansUpOften(&configuration)
            configuration.pool.idleTimeout = .milliseconds(1)
        }
        try await withConversation(configure: configure) { _, client in
            let path = Array("f".utf8)
            let bytes = ByteBuffer(string: "x")
            try await client.call(client.frame(.write(Write(path: path)), backend: .memory, payload: bytes))
            try await client.call(client.frame(.write(Write(path: path)), payload: bytes))
            while try await describe(client, key: "k", .localFilesystem).isLive { try Task.checkCancellation() }
            // Younger than the one that was found to be idle.
            #expect(try await describe(client, key: "k", .memory).isLive)
            let kept = client.frame(.read(Read(path: path)), backend: .memory)
            #expect(String(buffer: try await client.call(kept).payload) == "x")
        }
    }

    /// `max_entries` of an org: what is idle makes room, what is leased does not.
    @Test func anOrgHasSoManyEntries() async throws {
        try await withBroker(orgs: ["acme", "other"], configure: { $0.orgs[0].limits.maxEntries = 2 }) { broker in
            let client = try await WireConversation(with: broker)
            for key in ["a", "b", "c"] { try await client.write("x", to: "f", key: key) }
            #expect(try await !describe(client, key: "a", .localFilesystem).isLive)
            #expect(try await describe(client, key: "c", .localFilesystem).isLive)
            for key in ["b", "c"] { _ = try await acquire(client, key: key) }
            let error = try await failure {
                _ = try await acquire(client, key: "d", queueDeadline: .milliseconds(20))
            }
            #expect(error?.code == .resourceExhausted && error?.limit?.allowed == 2)
            let other = try await WireConversation(with: broker, org: "other")
            for key in ["a", "b", "c", "d"] { _ = try await acquire(other, key: key) }
            await other.client.close()
            await client.client.close()
        }
    }
}
