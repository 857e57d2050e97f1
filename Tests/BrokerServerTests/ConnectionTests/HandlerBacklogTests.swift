import AgentBackend
import BrokerWire
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import BrokerServer

/// A peer that asks and does not read: what waits for it has a bound, and nothing is lost.
@Suite(.timeLimit(.minutes(1))) struct HandlerBacklogTests {
    private static let nameCount = 1000

    /// Each call of a few bytes is answered with a quarter of a megabyte that needs no credit.
    private func harness() async throws -> ConnectionHarness {
        let name = [UInt8](repeating: 0x61, count: 255)
        let page = DirectoryPage(
            entries: Array(repeating: DirectoryEntry(name: name), count: Self.nameCount),
            isTruncated: false
        )
        let harness = try await ConnectionHarness { loop in
            StubHandler(eventLoop: loop, attempt: { _ in .done(Answer(.readdir(page))) })
        }
        try await harness.hello()
        return harness
    }

    private func calls(_ ids: ClosedRange<UInt64>) -> [ClientFrame] {
        ids.map { ConnectionHarness.call($0, .readdir(Readdir(path: []))) }
    }

    @Test func answersThatAreNotReadHaveABound() async throws {
        let harness = try await harness()
        try await harness.setWritable(false)
        try await harness.receive(calls(1...60))
        let first = try await harness.sent()
        // A megabyte, and the answer that made it too much.
        #expect((1...8).contains(first.count))
        #expect(harness.handler.attempts.load(ordering: .relaxed) == first.count)
        // What else comes waits too.
        try await harness.receive(calls(61...62))
        #expect(try await harness.sent().isEmpty)

        try await harness.setWritable(true)
        #expect(try await (first + harness.sent()).map(\.id) == Array(1...62))
    }

    @Test func theyGoOnPieceByPiece() async throws {
        let harness = try await harness()
        try await harness.setWritable(false)
        try await harness.receive(calls(1...50))
        var answered = try await harness.sent().map(\.id)
        while answered.count < 50 {
            let before = answered.count
            let channel = harness.channel
            // Writable for a moment only.
            channel.isWritable = true
            try await harness.loop.executeInContext {
                channel.pipeline.fireChannelWritabilityChanged()
                channel.isWritable = false
            }
            await harness.loop.run()
            try await harness.setWritable(true)
            answered += try await harness.sent().map(\.id)
            try #require(answered.count > before)
        }
        #expect(answered == Array(1...50))
    }

    /// The client closed its side while its calls were waiting to be looked at.
    @Test func theEndOfTheInputCountsAfterWhatCameBefore() async throws {
        let harness = try await harness()
        try await harness.setWritable(false)
        try await harness.receive(calls(1...100))
        try await harness.closeInput()
        #expect(harness.channel.isActive)
        let first = try await harness.sent()
        try await harness.setWritable(true)
        #expect(try await (first + harness.sent()).map(\.id) == Array(1...100))
        #expect(!harness.channel.isActive)
    }

    @Test func theEndOfTheConnectionEndsIt() async throws {
        let harness = try await harness()
        try await harness.setWritable(false)
        try await harness.receive(calls(1...100))
        try await harness.channel.close().get()
        await harness.loop.run()
        #expect(harness.observer.ends == 1)
        #expect(try await !harness.isAlive)
    }

    @Test func readingStopsAndGoesOn() async throws {
        let harness = try await harness()
        let (channel, reads) = (harness.channel, ReadCounter())
        try await harness.loop.executeInContext {
            try channel.pipeline.syncOperations.addHandler(reads, position: .first)
        }
        func read() async throws {
            try await harness.loop.executeInContext { channel.pipeline.read() }
        }
        try await read()
        #expect(reads.count == 1)
        // A peer that takes nothing for a while is listened to: it may have credit for what it sends.
        try await harness.setWritable(false)
        try await read()
        #expect(reads.count == 2)
        // Not so one that asks for more and more.
        try await harness.receive(calls(1...10))
        try await read()
        #expect(reads.count == 2)
        try await harness.setWritable(true)
        #expect(reads.count == 3)
        try await harness.setWritable(true)
        #expect(reads.count == 3)
    }

    private final class ReadCounter: ChannelOutboundHandler, Sendable {
        typealias OutboundIn = ByteBuffer
        private let reads = Atomic<Int>(0)

        var count: Int { reads.load(ordering: .relaxed) }

        func read(context: ChannelHandlerContext) {
            reads.add(1, ordering: .relaxed)
            context.read()
        }
    }
}
