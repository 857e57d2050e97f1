import AgentBackend
import BrokerClient
import BrokerTestKit
import BrokerWire
import Foundation
import Glibc
import NIOCore
import Testing

extension IntegrationTests {
    /// What `stats`, `pools`, `connections` and `logs` tell, and to whom.
    @Suite
    struct IntrospectionTests {
        private static let key = BrokerTarget(key: "k")

        private var file: WorkspacePath { get throws { try WorkspacePath("f") } }

        /// Its name is nowhere in the bytes that another org's client gets, whatever that asks.
        @Test(.timeLimit(.minutes(1)))
        func anOrgNeverSeesAnother() async throws {
            try await withScratchDirectory { directory in
                let canary = "canary-\(UUID().uuidString)"
                let configuration = try TenantConfiguration(
                    in: directory,
                    .init("acme"),
                    .init(canary, tokens: [canary])
                )
                let tokens = try ["acme", canary].map { try #require(configuration[$0]).token }
                try await withBrokerProcess(by: configuration) { broker in
                    try await broker.withConnections(tokens[1]) { connections in
                        let other = try await Asker(broker, token: tokens[0])
                        let ops = try await Asker(broker, token: configuration.operatorToken)
                        let begun = try await [
                            other.begin(.logs(FollowLogs(isVerbose: true))),
                            ops.begin(.logs(FollowLogs(isVerbose: true))),
                        ]
                        try await connections[0].withLease(on: BrokerTarget(key: canary)) { lease in
                            _ = try await connections[0].write(
                                WorkspacePath(canary),
                                ByteBuffer(string: canary),
                                on: lease
                            )
                            for asker in [other, ops] {
                                for operation in [
                                    Operation.stats(Stats()), .pools(ListPools()), .connections(ListConnections()),
                                ] {
                                    _ = try await asker.answers(to: operation)
                                }
                            }
                        }
                        // Names no org, and says the same whether there is one or not.
                        for name in [canary, "no-such-org"] {
                            for operation in [
                                Operation.stats(Stats(org: name)), .connections(ListConnections(org: name)),
                                .logs(FollowLogs(org: name)),
                            ] {
                                let error = try #require(try await other.answers(to: operation).last?.error)
                                #expect(error.code == .permissionDenied && !error.message.contains(name))
                            }
                        }
                        // What was done reached the operator; it would have reached the other one by now.
                        while try await !String(decoding: ops.client.receivedBytes, as: UTF8.self).contains("\"write\"")
                        {
                            _ = try await ops.client.next(of: begun[1])
                        }
                        _ = try await other.answers(to: .stats(Stats()))
                        let name = Data(canary.utf8)
                        #expect(Data(try await other.client.receivedBytes).range(of: name) == nil)
                        let told = String(decoding: try await ops.client.receivedBytes, as: UTF8.self)
                        // In pools, twice in connections (org and token), in the operation's org, key and path.
                        #expect(told.components(separatedBy: canary).count > 6)
                        await other.client.close()
                        await ops.client.close()
                    }
                }
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func connectionsTellWhoDoesHowMuch() async throws {
            try await withScratchDirectory { directory in
                let configuration = try TenantConfiguration(in: directory, .init("acme"), .init("umbrella"))
                let tokens = try ["acme", "umbrella"].map { try #require(configuration[$0]).token }
                try await withBrokerProcess(by: configuration) { broker in
                    try await broker.withConnections(tokens[0], tokens[1], configuration.operatorToken) { connections in
                        let waiting = ExecRequest(.shellLine(Array("echo here; cat".utf8)), opensStandardInput: true)
                        let laned = BrokerCallOptions(lane: 1)
                        try await connections[0].withExec(waiting, on: Self.key, call: laned) { session in
                            while let event = try await session.next() { if case .standardOutput = event { break } }
                            try await connections[0].write(file, ByteBuffer(repeating: 1, count: 100_000), on: Self.key)
                            async let behind = connections[0].exists(file, on: Self.key, call: laned)
                            var own: [BrokerConnectionInfo] = []
                            while own.first?.callsWaiting != 1 {
                                own = try await connections[0].connections().reduce(into: []) { $0.append($1) }
                            }
                            #expect(own.count == 1)
                            let info = try #require(own.first)
                            #expect(info.org == "acme" && info.tokenName == "ci" && info.peer.hasPrefix("127.0.0.1:"))
                            #expect(info.callsInFlight == 3)
                            #expect((100_000..<110_000).contains(info.bytesIn))
                            #expect((1..<10_000).contains(info.bytesOut) && info.age > .zero)
                            session.closeInput()
                            _ = try await session.collect()
                            #expect(try await behind)
                        }
                        let all = try await connections[2].connections().reduce(into: []) { $0.append($1) }
                        #expect(all.map(\.org) == ["acme", "umbrella", "operators"])
                        #expect(all.map(\.number) == all.map(\.number).sorted())
                        let one = try await connections[2].connections(of: "umbrella").reduce(into: []) {
                            $0.append($1)
                        }
                        #expect(one.map(\.org) == ["umbrella"])

                        let asker = try await Asker(broker, token: configuration.operatorToken)
                        var (pages, last) = ([[UInt64]](), UInt64(0))
                        while pages.last?.isEmpty ?? true || pages.last?.count == 2 {
                            let list = Operation.connections(ListConnections(after: last, limit: 2))
                            guard case .reply(.connections(let page))? = try await asker.answers(to: list).last?.body
                            else {
                                break
                            }
                            pages.append(page.connections.map(\.number))
                            last = page.connections.last?.number ?? 0
                            if !page.isTruncated { break }
                        }
                        #expect(pages.map(\.count) == [2, 2] && Set(pages.joined()).count == 4)
                        await asker.client.close()
                    }
                }
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func poolsTellWhoWaits() async throws {
            try await withScratchDirectory { directory in
                var acme = try TenantConfiguration.Tenant("acme")
                acme.lines = ["limits: {max_entries: 1}"]
                let configuration = try TenantConfiguration(in: directory, acme, .init("umbrella"))
                try await withBrokerProcess(by: configuration) { broker in
                    try await broker.withConnections(acme.token, configuration.operatorToken) { connections in
                        let (client, ops) = (connections[0], connections[1])
                        try await withThrowingTaskGroup(of: Bool.self) { group in
                            try await client.withLease(on: Self.key) { _ in
                                let second = BrokerTarget(key: "second")
                                group.addTask { try await client.exists(try WorkspacePath("f"), on: second) }
                                try await checkPools(client, ops)
                                let table = try await broker.client("pools", token: configuration.operatorToken).text
                                let lines = table.split(separator: "\n").map { $0.split(separator: " ") }
                                #expect(lines.count == 4 && lines[1].prefix(5) == ["acme", "1", "0", "0", "1"])
                                #expect(Set(lines.dropFirst().map(\.count)) == [14])
                            }
                            #expect(try await group.next() == false)
                        }
                    }
                }
            }
        }

        /// One lease of acme's is out, one acquire waits.
        private func checkPools(_ client: BrokerConnection, _ ops: BrokerConnection) async throws {
            var pools: [BrokerPool] = []
            while pools.first?.pool.waiting != 1 || pools.first?.pool.longestWait == .zero {
                pools = try await ops.pools().reduce(into: []) { $0.append($1) }
            }
            #expect(pools.map(\.org) == ["acme", "operators", "umbrella"])
            let pool = try #require(pools.first?.pool)
            #expect(pool.active == 1 && pool.idle == 0 && pool.leases == 1 && pool.queued == 1)
            #expect(try await client.pools().reduce(into: []) { $0.append($1.org) } == ["acme"])
            let waiting = try await ops.connections(of: "acme").reduce(into: []) { $0.append($1.callsWaiting) }
            #expect(waiting == [1])
            #expect(try await ops.stats().pool.waiting == 1)
            #expect(try await ops.stats(of: "umbrella").pool.waiting == 0)
        }

        @Test(.timeLimit(.minutes(1)))
        func anOperatorReachesNoWorkspace() async throws {
            try await withScratchDirectory { directory in
                let configuration = try TenantConfiguration(in: directory, .init("acme"))
                try await withBrokerProcess(by: configuration) { broker in
                    for arguments in [
                        ["read", "--key", "k", "f"], ["write", "--key", "k", "f"], ["ls", "--key", "k"],
                        ["exec", "--key", "k", "-n", "--", "true"], ["exec", "-n", "--", "true"],
                        ["keys", "ls", "--key", "k"], ["workspace", "ls"], ["workspace", "rm", "k"],
                    ] {
                        let result = try await broker.client(arguments: arguments, token: configuration.operatorToken)
                        #expect(result.status == 77 && result.text.isEmpty, "\(arguments): \(result)")
                    }
                    #expect(!FileManager.default.fileExists(atPath: "\(directory)/root/v1/orgs/operators/k"))
                }
            }
        }
    }
}

/// Asks a broker, and keeps every byte that it answers.
struct Asker {
    let client: RawWireClient
    private let ids = Counter()

    private actor Counter {
        private var last: UInt64 = 0

        func next() -> UInt64 {
            last += 1
            return last
        }
    }

    init(_ broker: BrokerProcess, token: String, givesCredit: Bool = true) async throws {
        let port = try #require(broker.ready.wire.split(separator: ":").last.flatMap { Int($0) })
        client = try await RawWireClient.connect(to: .tcp(port: port), givesCredit: givesCredit, keepsBytes: true)
        try await client.send(ClientFrame(id: 0, body: .hello(Hello(token: token, clientName: "asker"))))
        guard case .helloReply? = try await client.next(of: 0)?.body else {
            throw ChildProcess.Failure(description: "the broker does not greet")
        }
    }

    func begin(_ operation: BrokerWire.Operation) async throws -> UInt64 {
        let id = await ids.next()
        try await client.send(ClientFrame(id: id, body: .call(operation)))
        return id
    }

    func answers(to operation: BrokerWire.Operation) async throws -> [ServerFrame] {
        try await client.frames(of: try await begin(operation))
    }
}

extension ServerFrame {
    var error: BackendError? {
        if case .error(let error) = body { error } else { nil }
    }
}
