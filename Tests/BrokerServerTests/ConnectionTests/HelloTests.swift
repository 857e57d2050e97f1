import AgentBackend
import BrokerServer
import BrokerTestKit
import BrokerWire
import NIOCore
import Testing

@Suite(.timeLimit(.minutes(1))) struct HelloTests {
    /// Connects, sends frames, and returns why the broker went away; nil where it did not say.
    private func goAway(
        _ broker: InProcessBroker,
        _ transport: Transport = .tcp,
        _ frames: [ClientFrame] = []
    ) async throws -> GoAway? {
        let client = try await RawWireClient.connect(to: transport.address(of: broker))
        try await client.send(RawWireClient.bytes(of: frames))
        let goAway = try await self.goAway(client)
        await client.close()
        return goAway
    }

    private func goAway(_ client: RawWireClient) async throws -> GoAway? {
        while let frame = try await client.next(of: 0) {
            guard case .goAway(let goAway) = frame.body else { continue }
            // Nothing comes after it.
            #expect(try await client.next(of: 0) == nil)
            return goAway
        }
        return nil
    }

    private func hello(_ token: String, _ versions: ClosedRange<UInt32> = 1...1) -> ClientFrame {
        ClientFrame(id: 0, body: .hello(Hello(versions: versions, token: token, clientName: "t")))
    }

    private let echo = ClientFrame(id: 1, target: Target(key: "k"), body: .call(.echo))

    @Test(arguments: Transport.allCases)
    func isAnsweredWithWhatTheClientMustKnow(transport: Transport) async throws {
        try await withBroker { broker in
            let client = try await RawWireClient.connect(to: transport.address(of: broker))
            try await client.send(hello(broker.token(), 1...5))
            guard case .helloReply(let reply)? = try await client.next(of: 0)?.body else {
                Issue.record("no reply")
                return
            }
            #expect(reply.version == 1)
            #expect(reply.org == "acme")
            #expect(reply.node == "test")
            #expect(reply.features == Feature.allCases.map(\.rawValue))
            #expect(reply.limits == SessionLimits())
            #expect(reply.serverTime > 1_700_000_000_000)
            await client.close()
        }
    }

    @Test(arguments: Transport.allCases)
    func aSecondOneEndsTheConnection(transport: Transport) async throws {
        try await withBroker { broker in
            let goAway = try await goAway(broker, transport, [hello(broker.token()), hello(broker.token())])
            #expect(goAway?.error?.code == .protocolError)
        }
    }

    @Test func oneThatDoesNotComeEndsTheConnection() async throws {
        try await withBroker(configure: { $0.limits.helloDeadline = .milliseconds(10) }) { broker in
            let goAway = try await goAway(broker)
            #expect(goAway?.error?.code == .deadlineExceeded)
        }
    }

    @Test(arguments: [0...0, 2...2, 7...9] as [ClosedRange<UInt32>])
    func ofOtherVersionsItEndsTheConnection(versions: ClosedRange<UInt32>) async throws {
        try await withBroker { broker in
            let goAway = try await goAway(broker, .tcp, [hello(broker.token(), versions)])
            #expect(goAway?.error?.code == .protocolError)
            #expect(
                goAway?.error?.message.contains("versions \(versions.lowerBound) to \(versions.upperBound)") == true
            )
        }
    }

    @Test(arguments: ["", "nonsense", "ab_0123456789abcdef_" + String(repeating: "0", count: 64)])
    func withAWrongTokenItEndsTheConnection(token: String) async throws {
        try await withBroker { broker in
            let goAway = try await goAway(broker, .tcp, [hello(token)])
            #expect(goAway?.error?.code == .authFailed)
            #expect(goAway?.lastID == 0)
        }
    }

    @Test func withATokenThatIsNoTextItEndsTheConnection() async throws {
        try await withBroker { broker in
            let client = try await RawWireClient.connect(to: .tcp(port: broker.port))
            // id 0; hello { token: ff }
            try await client.send(ByteBuffer(bytes: [0, 0, 0, 0, 6, 0x82, 0x01, 3, 0x1a, 1, 0xff]))
            #expect(try await goAway(client)?.error?.code == .invalidArgument)
            await client.close()
        }
    }

    @Test func aCallBeforeItEndsTheConnection() async throws {
        try await withBroker { broker in
            let goAway = try await goAway(broker, .tcp, [echo, hello(broker.token())])
            #expect(goAway?.error?.code == .protocolError)
            #expect(goAway?.lastID == 0)
        }
    }

    /// The token decides about the org, nothing else does.
    @Test func belongsToTheOrgOfItsToken() async throws {
        try await withBroker(orgs: ["acme", "other"]) { broker in
            let acme = try await WireConversation(with: broker, org: "acme")
            let other = try await WireConversation(with: broker, org: "other")
            try await acme.write("secret", to: "f")
            #expect(try await !other.exists("f"))
            #expect(try await other.statistics().org == "other")
            await acme.client.close()
            await other.client.close()
        }
    }

    @Test func tooManyConnectionsAreRefusedAndTheOthersStay() async throws {
        try await withBroker(configure: { $0.limits.maxConnections = 2 }) { broker in
            let first = try await WireConversation(with: broker)
            let second = try await WireConversation(with: broker, over: .unix)
            for _ in 0..<5 {
                let third = try await RawWireClient.connect(to: .tcp(port: broker.port))
                // Closed, with a reason or without.
                try await third.drain()
                await third.close()
            }
            try await first.write("x", to: "f")
            #expect(try await second.read("f") == "x")
            await second.client.close()
            // There is room again as soon as the broker has seen that.
            try await first.waitUntil { $0.connections == 1 }
            let fourth = try await WireConversation(with: broker)
            #expect(try await fourth.read("f") == "x")
            await fourth.client.close()
            await first.client.close()
        }
    }
}
