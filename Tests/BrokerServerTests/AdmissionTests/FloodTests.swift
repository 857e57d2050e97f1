import AgentBackend
import BrokerServer
import BrokerTestKit
import BrokerWire
import NIOCore
import Testing

/// Limits of one address, over real sockets.
@Suite(.timeLimit(.minutes(1))) struct FloodTests {
    private func goAway(_ client: RawWireClient) async throws -> BackendError? {
        while let frame = try await client.next(of: 0) {
            if case .goAway(let goAway) = frame.body { return goAway.error }
        }
        return nil
    }

    private func hello(_ token: String) -> ClientFrame {
        ClientFrame(id: 0, body: .hello(Hello(token: token, clientName: "t")))
    }

    @Test func whoConnectsTooOftenIsTold() async throws {
        try await withBroker(
            configure: {
                $0.limits.exemptAddresses = []
                $0.limits.maxNewConnectionsBurstPerAddress = 3
                $0.limits.maxNewConnectionsPerSecondPerAddress = 1
            },
            time: BrokerTime(clock: MockClock())
        ) { broker in
            var silent: [RawWireClient] = []
            for _ in 0..<4 { silent.append(try await RawWireClient.connect(to: .tcp(port: broker.port))) }
            let refusal = try await goAway(silent[3])
            #expect(refusal?.code == .resourceExhausted)
            #expect(refusal?.limit?.name == "new_connections_burst_per_address")
            #expect(refusal?.retryAfter == .seconds(1))
            // A unix socket has no address.
            let conversation = try await WireConversation(with: broker, over: .unix)
            try await conversation.call(conversation.frame(.echo))
            await conversation.client.close()
            for client in silent { await client.close() }
        }
    }

    /// However many come, one after the other: they are no flood.
    @Test func whoHasAValidTokenIsAlwaysServed() async throws {
        try await withBroker(
            configure: {
                $0.limits.exemptAddresses = []
                $0.limits.maxNewConnectionsBurstPerAddress = 1
                $0.limits.maxNewConnectionsPerSecondPerAddress = 1
                $0.limits.maxUnauthenticatedPerAddress = 1
            },
            time: BrokerTime(clock: MockClock())
        ) { broker in
            var conversations: [WireConversation] = []
            for _ in 0..<50 { conversations.append(try await WireConversation(with: broker)) }
            for conversation in conversations {
                try await conversation.call(conversation.frame(.echo))
                await conversation.client.close()
            }
        }
    }

    /// Not even one whose org has as many connections as it may: others behind its address have nothing to do with it.
    @Test func whoHasAValidTokenCostsItsAddressNothing() async throws {
        try await withBroker(
            orgs: ["acme", "umbrella"],
            configure: {
                $0.limits.exemptAddresses = []
                $0.limits.maxNewConnectionsBurstPerAddress = 2
                $0.limits.maxNewConnectionsPerSecondPerAddress = 1
                $0.orgs[0].limits.maxConnections = 1
            },
            time: BrokerTime(clock: MockClock())
        ) { broker in
            let only = try await WireConversation(with: broker)
            for _ in 0..<10 {
                let client = try await RawWireClient.connect(to: .tcp(port: broker.port))
                try await client.send(hello(broker.token()))
                #expect(try await goAway(client)?.limit?.name == "org_connections")
                await client.close()
            }
            let other = try await WireConversation(with: broker, org: "umbrella")
            for conversation in [only, other] {
                try await conversation.call(conversation.frame(.echo))
                await conversation.client.close()
            }
        }
    }

    @Test func ofSilentConnectionsTheOldestGoes() async throws {
        try await withBroker(
            configure: {
                $0.limits.exemptAddresses = []
                $0.limits.maxUnauthenticatedPerAddress = 2
            },
            time: BrokerTime(clock: MockClock())
        ) { broker in
            var silent: [RawWireClient] = []
            for _ in 0..<3 { silent.append(try await RawWireClient.connect(to: .tcp(port: broker.port))) }
            let error = try await goAway(silent[0])
            #expect(error?.limit?.name == "unauthenticated_connections_per_address")
            // The others are served when they speak.
            try await silent[2].send(hello(broker.token()))
            guard case .helloReply? = try await silent[2].next(of: 0)?.body else {
                Issue.record("no reply")
                return
            }
            for client in silent { await client.close() }
        }
    }

    /// Connections that wait for the answer to a wrong token are the first to go.
    @Test func wrongTokensKeepNobodyOut() async throws {
        try await withBroker(
            configure: {
                $0.limits.maxConnections = 3
                $0.limits.authFailureDelay = .seconds(10)
            },
            time: BrokerTime(clock: MockClock())
        ) { broker in
            var wrong: [RawWireClient] = []
            for _ in 0..<3 {
                let client = try await RawWireClient.connect(to: .tcp(port: broker.port))
                try await client.send(hello("wrong"))
                wrong.append(client)
            }
            let right = try await WireConversation(with: broker)
            #expect(try await goAway(wrong[0])?.limit?.name == "connections")
            try await right.call(right.frame(.echo))
            await right.client.close()
            for client in wrong { await client.close() }
        }
    }

    @Test func whereAllAreServedWellTheNextOneIsTold() async throws {
        try await withBroker(configure: { $0.limits.maxConnections = 2 }) { broker in
            let served = [try await WireConversation(with: broker), try await WireConversation(with: broker)]
            let client = try await RawWireClient.connect(to: .tcp(port: broker.port))
            let error = try await goAway(client)
            #expect(error?.limit == LimitDetails(name: "connections", used: 2, allowed: 2))
            for conversation in served {
                try await conversation.call(conversation.frame(.echo))
                await conversation.client.close()
            }
            await client.close()
        }
    }
}
