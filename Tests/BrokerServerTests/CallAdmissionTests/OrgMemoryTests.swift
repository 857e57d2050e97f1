import AgentBackend
import BrokerServer
import BrokerTestKit
import BrokerWire
import NIOCore
import Testing

/// What an org's connections make the broker keep has a bound, whatever they do; those that keep to it go on.
@Suite(.timeLimit(.minutes(2))) struct OrgMemoryTests {
    /// `body` gets an honest client of an org that may make the broker keep 8 MiB, and one of another org.
    private func withOrgs(
        _ body: (_ acme: WireConversation, _ umbrella: WireConversation, InProcessBroker) async throws -> Void
    ) async throws {
        try await withBroker(
            orgs: ["acme", "umbrella"],
            configure: { $0.orgs[0].limits.maxBytesInFlight = 8 << 20 }
        ) { broker in
            let acme = try await WireConversation(with: broker)
            let umbrella = try await WireConversation(with: broker, org: "umbrella")
            try await acme.fillMemory()
            try await body(acme, umbrella, broker)
            for conversation in [acme, umbrella] {
                try await conversation.write("x", to: "f")
                #expect(try await conversation.read("f") == "x")
                await conversation.client.close()
            }
        }
    }

    /// Those that ask and do not read.
    @Test func whoNeverReadsHasToGo() async throws {
        try await withOrgs { acme, umbrella, broker in
            var deaf: [WireConversation] = []
            for _ in 0..<16 {
                let conversation = try await WireConversation(with: broker, receiveBuffer: 4096)
                let list = (0..<60).map { _ in conversation.frame(.listKeys(ListKeys(prefix: [])), backend: .memory) }
                try await conversation.client.send(RawWireClient.bytes(of: list))
                deaf.append(conversation)
            }
            try await acme.waitUntil { $0.connections <= 9 }
            for conversation in deaf { await conversation.client.close() }
        }
    }

    /// Those that begin a long frame and never end it.
    @Test func whoNeverEndsAFrameHasToGo() async throws {
        try await withOrgs { acme, umbrella, broker in
            var halves: [WireConversation] = []
            for _ in 0..<8 {
                let conversation = try await WireConversation(with: broker)
                var bytes = ByteBuffer(bytes: [0, 0, 0x30, 0, 0])
                bytes.writeRepeatingByte(0, count: 2_000_000)
                try await conversation.client.send(bytes)
                halves.append(conversation)
            }
            // Four of them are within the limit.
            try await acme.waitUntil { $0.connections == 5 }
            for conversation in halves { await conversation.client.close() }
        }
    }

    /// Answers that are there and cannot be sent, as the peer gives no credit: those over the limit are refused.
    @Test func whoGivesNoCreditGetsNoMoreThanTheLimit() async throws {
        try await withOrgs { _, _, broker in
            let greedy = try await WireConversation(with: broker, givesCredit: false)
            // All that may be sent without credit. So much may be sent to the broker once more then.
            let payload = ByteBuffer(repeating: 0, count: 1_000_000)
            for _ in 0..<16 { try await greedy.call(greedy.frame(.echo, payload: payload)) }
            let more = (0..<9).map { _ in greedy.frame(.echo, payload: payload) }
            try await greedy.client.send(RawWireClient.bytes(of: more))
            for frame in more.suffix(1) {
                let error = try #require(try await greedy.client.next(of: frame.id)?.error)
                #expect(error.limit?.name == "org_bytes_in_flight" && error.maybeExecuted)
            }
            try await greedy.client.send(ClientFrame(id: 0, body: .window(stream: 0, bytes: 8_000_000)))
            for frame in more.prefix(8) {
                #expect(try await greedy.result(of: frame.id).payload.readableBytes == 1_000_000)
            }
            await greedy.client.close()
        }
    }

    /// What is read in time never comes near the limit, however much it is.
    @Test func whoReadsStays() async throws {
        try await withOrgs { acme, _, _ in
            for _ in 0..<100 {
                let list = acme.frame(.listKeys(ListKeys(prefix: [])), backend: .memory)
                try await acme.call(list)
            }
        }
    }
}
