import AgentBackend
import BrokerClient
import BrokerServer
import BrokerTestKit
import NIOCore
import Testing

extension IntegrationTests {
    /// What an acquire asks of its entry, over the wire.
    @Suite(.timeLimit(.minutes(2)))
    struct EntryLimitTests {
        private static let path = try? WorkspacePath("file")

        @Test func memoryOfAnEntryIsLimitedBelowThatOfItsOrg() async throws {
            try await withConnection { connection in
                let path = try #require(Self.path)
                let target = BrokerTarget(backend: .memory, key: "small")
                let limited = EntryConfiguration(limits: EntryLimits(maximumMemoryBytes: 4000))
                try await connection.withLease(on: target, configuration: limited) { leased in
                    let error = await failure {
                        try await connection.write(path, ByteBuffer(repeating: 1, count: 5000), on: leased)
                    }
                    #expect(error?.code == .resourceExhausted)
                    #expect(error?.limit?.allowed == 4000)
                    try await connection.write(path, ByteBuffer(repeating: 1, count: 500), on: leased)
                }
                let other = BrokerTarget(backend: .memory, key: "large")
                try await connection.write(path, ByteBuffer(repeating: 1, count: 5000), on: other)
            }
        }

        @Test func filesOfAnEntryAreLimitedBelowThoseOfItsOrg() async throws {
            try await withConnection { connection in
                let path = try #require(Self.path)
                let limited = EntryConfiguration(limits: EntryLimits(maximumFileBytes: 100))
                try await connection.withLease(on: BrokerTarget(key: "small"), configuration: limited) { leased in
                    let error = await failure {
                        try await connection.write(path, ByteBuffer(repeating: 1, count: 101), on: leased)
                    }
                    #expect(error?.code == .writeFailed)
                    #expect(error?.reason == .tooLarge)
                    try await connection.write(path, ByteBuffer(repeating: 1, count: 100), on: leased)
                }
            }
        }

        @Test func commandsOfAnEntryRunNoLongerThanItsLimit() async throws {
            try await withConnection { connection in
                let limited = EntryConfiguration(limits: EntryLimits(maximumExecTimeout: .milliseconds(300)))
                try await connection.withLease(on: BrokerTarget(key: "brief"), configuration: limited) { leased in
                    let long = await failure {
                        try await connection.run(
                            ExecRequest(.shellLine(Array("true".utf8)), timeout: .seconds(5)),
                            on: leased
                        )
                    }
                    #expect(long?.code == .invalidArgument)
                    #expect(long?.limit?.allowed == 300)
                    let sleep = ExecRequest(.shellLine(Array("sleep 1000".utf8)))
                    let result = try await connection.run(sleep, on: leased)
                    #expect(result.end.outcome == .timedOut(after: .milliseconds(300)))
                }
            }
        }

        @Test func anEntryWithOneLeaseIsItsHoldersAlone() async throws {
            try await withConnection { connection in
                let path = try #require(Self.path)
                let target = BrokerTarget(backend: .memory, key: "mine")
                let alone = EntryConfiguration(limits: EntryLimits(maximumLeases: 1))
                try await connection.withLease(on: target, configuration: alone) { leased in
                    try await connection.write(path, ByteBuffer(string: "x"), on: leased)
                    let error = await failure {
                        try await connection.acquire(
                            target,
                            call: BrokerCallOptions(queueDeadline: .milliseconds(20))
                        )
                    }
                    #expect(error?.code == .resourceExhausted)
                    #expect(error?.limit?.allowed == 1)
                }
                #expect(String(buffer: try await connection.read(path, on: target)) == "x")
            }
        }

        @Test func anotherConfigurationOfALiveEntryIsAConflict() async throws {
            try await withConnection { connection in
                let target = BrokerTarget(backend: .memory, key: "k")
                let red = EntryConfiguration(environment: try Environment(["COLOUR": "red"]))
                let blue = EntryConfiguration(environment: try Environment(["COLOUR": "blue"]))
                try await connection.withLease(on: target, configuration: red) { _ in
                    let error = await failure { try await connection.acquire(target, configuration: blue) }
                    #expect(error?.code == .conflict)
                    let again = try await connection.acquire(target, configuration: red)
                    #expect(!again.created)
                    try await connection.release(again)
                }
            }
        }

        @Test func memoryWithATimeToLiveEndsWithIt() async throws {
            try await withConnection { connection in
                let path = try #require(Self.path)
                let mortal = BrokerTarget(backend: .memory, key: "mortal")
                let kept = BrokerTarget(backend: .memory, key: "kept")
                try await connection.write(path, ByteBuffer(string: "x"), on: kept)
                let configuration = EntryConfiguration(idleTimeout: .milliseconds(50))
                try await connection.withLease(on: mortal, configuration: configuration) { leased in
                    _ = try await connection.write(path, ByteBuffer(string: "x"), on: leased)
                }
                // Asking does not keep it.
                while try await connection.describe(mortal).isLive {}
                #expect(try await connection.describe(kept).isLive)
                let error = await failure { try await connection.read(path, on: mortal) }
                #expect(error?.code == .keyNotFound)
            }
        }

        @Test func anOrgHasNoMoreEntriesThanItMay() async throws {
            try await withBroker(orgs: ["acme", "umbrella"]) { configuration in
                configuration.orgs[0].limits.maxEntries = 1
            } _: { broker in
                let path = try #require(Self.path)
                try await withConnection(to: broker, org: "acme") { acme in
                    let first = BrokerTarget(backend: .memory, key: "first")
                    let second = BrokerTarget(backend: .memory, key: "second")
                    try await acme.write(path, ByteBuffer(string: "x"), on: first)
                    let options = BrokerCallOptions(queueDeadline: .milliseconds(20))
                    let error = await failure {
                        try await acme.write(path, ByteBuffer(string: "x"), on: second, call: options)
                    }
                    #expect(error?.code == .resourceExhausted)
                    #expect(error?.limit == LimitDetails(name: "org_entries", used: 1, allowed: 1))
                    try await withConnection(to: broker, org: "umbrella") { umbrella in
                        try await umbrella.write(path, ByteBuffer(string: "x"), on: first)
                        try await umbrella.write(path, ByteBuffer(string: "x"), on: second)
                    }
                }
            }
        }

        private func withConnection(_ body: (BrokerConnection) async throws -> Void) async throws {
            try await withBroker { broker in
                try await withConnection(to: broker, org: "acme", body)
            }
        }

        private func withConnection(
            to broker: InProcessBroker,
            org: String,
            _ body: (BrokerConnection) async throws -> Void
        ) async throws {
            try await BrokerConnection.withConnection(
                to: try BrokerAddress("127.0.0.1:\(broker.port)"),
                token: broker.token(of: org),
                body
            )
        }

        private func failure<Value>(_ body: () async throws -> Value) async -> BackendError? {
            do {
                _ = try await body()
                return nil
            } catch {
                return error as? BackendError
            }
        }
    }
}
