import AgentBackend
import BrokerTestKit
import BrokerWire
import Foundation
import NIOCore
import Synchronization
import Testing

extension IntegrationTests {
    /// A broker among peers that send what no honest client sends.
    @Suite struct HostilePeerTests {
        private static let frames = 100_000
        private static let seed: UInt64 = 4
        /// Of resident memory, over what the broker has once it is warm.
        private static let bound = 128 << 20

        @Test(.timeLimit(.minutes(20)))
        func eachFrameGetsItsErrorAndNobodyElseNotices() async throws {
            try await withScratchDirectory { directory in
                let preamble = """
                    limits:
                      stream_window_bytes: \(HostileClient.streamWindow)
                      max_frame_bytes: \(HostileClient.maximumFrameLength)
                      auth_failure_delay: 0s
                      hello_deadline: 10m

                    """
                let orgs = try await OrgFile(orgs: [WellBehavedOrg.name, "hostile"], in: directory, preamble: preamble)
                let token = try #require(orgs.tokens["hostile"])
                let good = try #require(orgs.tokens[WellBehavedOrg.name])
                try await withBrokerProcess(["--root", "\(directory)/root", "--config", orgs.path]) { broker in
                    try await WellBehavedOrg.calling(broker, token: good) { org in
                        try await converse(broker, token, frames: 5000, seed: Self.seed &+ 1000)
                        let warm = broker.memory
                        try broker.forgetPeak()
                        let before = org.calls
                        let conversations = try await converse(broker, token, frames: Self.frames, seed: Self.seed)
                        let memory = broker.memory
                        print("hostile: \(conversations) conversations; warm \(warm), then \(memory)")
                        #expect(memory.peak < warm.resident + Self.bound)
                        try await org.waitForCalls(60)
                        print("hostile: \(org.calls - before) calls of the other org, all answered as they had to be")
                    }
                }
            }
        }

        /// Converses until so many hostile frames were sent. Returns in how many conversations.
        @discardableResult
        private func converse(_ broker: BrokerProcess, _ token: String, frames: Int, seed: UInt64) async throws -> Int {
            let port = try #require(broker.ready.wire.split(separator: ":").last.flatMap { Int($0) })
            let clients = 8
            return try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<clients {
                    group.addTask {
                        let seed = seed &* 1_000_003 &+ UInt64(number)
                        var client = HostileClient(token: token, seed: seed)
                        var (sent, conversations) = (0, 0)
                        while sent < frames / clients {
                            let conversation = client.next()
                            do {
                                try await check(conversation, port: port)
                            } catch {
                                Issue.record("conversation \(conversations) of seed \(seed): \(error)")
                                throw error
                            }
                            sent += conversation.hostileFrames
                            conversations += 1
                        }
                        return conversations
                    }
                }
                return try await group.reduce(0, +)
            }
        }

        private struct Wrong: Error, CustomStringConvertible {
            let description: String
        }

        private func check(_ conversation: HostileConversation, port: Int) async throws {
            let client = try await RawWireClient.connect(to: .tcp(port: port))
            let result: Result<Void, any Error>
            do {
                // The broker may close before it has seen all: what it said until then counts.
                try? await client.send(conversation.bytes)
                try? await client.halfClose()
                result = .success(try await check(conversation, client))
            } catch {
                result = .failure(error)
            }
            await client.close()
            try result.get()
        }

        private func check(_ conversation: HostileConversation, _ client: RawWireClient) async throws {
            var goAway: BackendError?
            while let frame = try await client.next(of: 0) {
                if let goAway { throw Wrong(description: "\(frame) after \(goAway)") }
                if case .goAway(let end) = frame.body { goAway = end.error }
            }
            switch (conversation.ending, goAway) {
            case (.answered, nil), (.either, _): break
            case (.goAway(let codes), let error?) where codes.contains(error.code): break
            default:
                throw Wrong(
                    description: "ended with \(goAway.map { "\($0)" } ?? "nothing"), not \(conversation.ending)"
                )
            }
            for (id, expectation) in conversation.expectations {
                let frames = try await client.frames(of: id)
                guard let last = frames.last else {
                    // Calls that run are called off where the connection ends for a fault.
                    if case .refusal = expectation {
                    } else if goAway != nil {
                        continue
                    }
                    throw Wrong(description: "call \(id) was not answered: \(expectation)")
                }
                guard try await client.next(of: id) == nil else {
                    throw Wrong(description: "call \(id) was answered twice")
                }
                try check(frames, last, expectation, isCutOff: goAway != nil)
            }
        }

        private func check(
            _ frames: [ServerFrame],
            _ last: ServerFrame,
            _ expectation: HostileConversation.Expectation,
            isCutOff: Bool
        ) throws {
            switch expectation {
            case .refusal(let codes):
                guard case .error(let error) = last.body, codes.contains(error.code), !error.message.isEmpty else {
                    throw Wrong(description: "\(last), not one of \(codes)")
                }
            case .echo(let payload):
                var answer = ByteBuffer()
                for frame in frames { answer.writeImmutableBuffer(frame.payload) }
                guard isCutOff || (last.last && answer == payload) else {
                    throw Wrong(description: "\(frames) is no echo of \(payload.readableBytes) bytes")
                }
            case .answer:
                guard isCutOff || last.last else { throw Wrong(description: "\(frames) have no end") }
            }
        }
    }
}
