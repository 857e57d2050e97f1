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
