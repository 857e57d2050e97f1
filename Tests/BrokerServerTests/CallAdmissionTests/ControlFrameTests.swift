import AgentBackend
import BrokerTestKit
import BrokerWire
import NIOCore
import NIOEmbedded
import Testing

@testable import BrokerServer

/// Frames that are no calls cost their org its calls per second: nothing that a peer may send comes without a rate.
@Suite(.timeLimit(.minutes(1))) struct ControlFrameTests {
    private static let rate = 1000

    private func harness(_ clock: MockClock) async throws -> ConnectionHarness {
        let harness = try await ConnectionHarness(
            admission: .stub(time: BrokerTime(clock: clock)) { $0.maxCallsPerSecond = Self.rate }
        )
        try await harness.hello()
        return harness
    }

    private static let pings = (0..<UInt64(10 * rate)).map { ClientFrame(id: 0, body: .ping(nonce: $0)) }

    /// They are taken in their order, a second's worth in a second.
    @Test func aFloodIsTakenAtTheOrgsRate() async throws {
        let clock = MockClock()
        let harness = try await harness(clock)
        try await harness.receive(Self.pings)
        var pongs = try await harness.sent().map(\.kind)
        // What it had, and what is taken at a time.
        #expect(pongs.count >= Self.rate && pongs.count <= Self.rate + 64)
        var seconds = 0
        while pongs.count < Self.pings.count, seconds < 100 {
            clock.advance(by: .seconds(1))
            await harness.loop.advanceTime(by: .seconds(1))
            pongs += try await harness.sent().map(\.kind)
            seconds += 1
            #expect(pongs.count <= (seconds + 1) * Self.rate + 64)
        }
        #expect(pongs == Self.pings.indices.map { "pong \($0)" })
        #expect(seconds <= 10)
    }

    /// Of whatever kind, also what is broken or refused.
    @Test(arguments: ["window", "cancel", "unknown", "malformed", "chunk"])
    func allOfThemCount(kind: String) async throws {
        let clock = MockClock()
        let harness = try await harness(clock)
        let write = BrokerWire.Operation.write(Write(path: [1]))
        try await harness.receive(ConnectionHarness.call(1, last: false, write))
        _ = try await harness.sent()
        var bytes = ByteBuffer()
        for id in 2..<UInt64(2 + 2 * Self.rate) {
            switch kind {
            case "window":
                bytes.writeImmutableBuffer(
                    ConnectionHarness.bytes(of: [ClientFrame(id: 0, body: .window(stream: 0, bytes: 1))])
                )
            case "cancel":
                bytes.writeImmutableBuffer(ConnectionHarness.bytes(of: [ClientFrame(id: 0, body: .cancel(call: id))]))
            case "chunk":
                bytes.writeImmutableBuffer(
                    ConnectionHarness.bytes(of: [ClientFrame(id: 1, last: false, body: .chunk)])
                )
            case "unknown":
                // id; a body of number 1000 that is an empty message.
                bytes.writeFrame([0x08] + varint(id) + [0xc2, 0x3e, 0])
            default:
                // id; an echo's message that is cut off.
                bytes.writeFrame([0x08] + varint(id) + [0x82, 0x02, 5, 0])
            }
        }
        bytes.writeImmutableBuffer(ConnectionHarness.bytes(of: [ClientFrame(id: 0, body: .ping(nonce: 7))]))
        try await harness.receive(bytes: bytes)
        #expect(try await !harness.sent().map(\.kind).contains("pong 7"))
        clock.advance(by: .seconds(2))
        await harness.loop.advanceTime(by: .seconds(2))
        let sent = try await harness.sent().map(\.kind)
        #expect(sent.contains("pong 7") || sent.contains { $0.hasPrefix("go away") }, "\(sent.suffix(3))")
    }

    /// Calls alone never stop a connection from being listened to.
    @Test func callsThatWaitForTheRateHoldUpNoPing() async throws {
        let clock = MockClock()
        let harness = try await harness(clock)
        let calls = (1...UInt64(2 * Self.rate)).map { ConnectionHarness.call($0) }
        try await harness.receive(calls)
        try await harness.receive(ClientFrame(id: 0, body: .ping(nonce: 7)))
        #expect(try await harness.sent().map(\.kind).last == "pong 7")
    }

    private func varint(_ value: UInt64) -> [UInt8] {
        var (rest, bytes) = (value, [UInt8]())
        while rest > 0x7f {
            bytes.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }
}

extension ByteBuffer {
    fileprivate mutating func writeFrame(_ message: [UInt8]) {
        writeInteger(UInt8(0))
        writeInteger(UInt32(message.count))
        writeBytes(message)
    }
}
