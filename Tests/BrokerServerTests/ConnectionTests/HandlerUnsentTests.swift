import AgentBackend
import BrokerWire
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import BrokerServer

/// A peer that gives credit and does not read: payloads wait all the same, and it is listened to.
@Suite(.timeLimit(.minutes(1))) struct HandlerUnsentTests {
    /// Each call is answered with 300 kB in pieces, and needs credit for them.
    private func harness() async throws -> ConnectionHarness {
        let harness = try await ConnectionHarness { loop in
            StubHandler(eventLoop: loop, attempt: { _ in .wait }) { _, stream throws(BackendError) in
                var rest = 300_000
                while true {
                    let count = try await stream.reserve(upTo: min(rest, 100_000))
                    rest -= count
                    let piece = ByteBuffer(repeating: 1, count: count)
                    if rest == 0 { return Answer(.echo, payload: piece) }
                    try await stream.send(nil, payload: piece)
                }
            }
        }
        try await harness.hello()
        return harness
    }

    private func bytes(_ frames: [ServerFrame]) -> Int { frames.reduce(0) { $0 + $1.payload.readableBytes } }

    @Test func payloadsWaitWhileThePeerReadsNothing() async throws {
        let harness = try await harness()
        try await harness.setWritable(false)
        try await harness.receive(ConnectionHarness.call(1), ConnectionHarness.call(2))
        #expect(try await harness.sent().isEmpty)
        // Credit changes nothing about that.
        try await harness.receive(ClientFrame(id: 0, body: .window(stream: 0, bytes: 1 << 20)))
        #expect(try await harness.sent().isEmpty)
        // What needs none is sent.
        try await harness.receive(ClientFrame(id: 0, body: .ping(nonce: 7)))
        #expect(try await harness.sent().map(\.kind) == ["pong 7"])

        try await harness.setWritable(true)
        let frames = try await harness.sent()
        #expect(bytes(frames) == 600_000)
        #expect(Set(frames.filter(\.last).map(\.id)) == [1, 2])
    }

    /// It has all the credit that it needs: that it cannot give more is no reason to fail.
    @Test func aPeerThatClosedItsSideGetsAllOnceItReads() async throws {
        let harness = try await harness()
        try await harness.setWritable(false)
        try await harness.receive(ConnectionHarness.call(1))
        try await harness.closeInput()
        #expect(try await harness.sent().map(\.kind) == ["ping"])
        try await harness.setWritable(true)
        #expect(bytes(try await harness.sent()) == 300_000)
        #expect(!harness.channel.isActive)
    }

    @Test func aConnectionThatEndsMeanwhileLeavesNothing() async throws {
        let harness = try await harness()
        try await harness.setWritable(false)
        try await harness.receive((1...10).map { ConnectionHarness.call($0) })
        try await harness.channel.close().get()
        await harness.loop.run()
        #expect(harness.observer.ends == 1)
        #expect(try await !harness.isAlive)
    }

    /// What many calls have taken credit for, and make ready at the same time, is not much more than one connection
    /// may have unsent.
    @Test func callsTakeCreditForNoMoreThanMayBeUnsent() async throws {
        let gate = Gate()
        let taken = Mutex(0)
        let harness = try await ConnectionHarness { loop in
            StubHandler(eventLoop: loop, attempt: { _ in .wait }) { _, stream throws(BackendError) in
                let count = try await stream.reserve(upTo: 200_000)
                taken.withLock { $0 += count }
                await gate.wait()
                return Answer(.echo, payload: ByteBuffer(repeating: 1, count: count))
            }
        }
        try await harness.hello()
        try await harness.receive((1...40).map { ConnectionHarness.call($0) })
        #expect((1 << 20..<1 << 20 + 200_000).contains(taken.withLock { $0 }))
        gate.open()
        await harness.loop.run()
        #expect(bytes(try await harness.sent()) == 40 * 200_000)
    }

    /// Lists draw no credit: without a bound a peer that reads nothing could have all its calls make one.
    @Test func listsAreMadeAFewAtATime() async throws {
        let gate = Gate()
        let begun = Atomic<Int>(0)
        let harness = try await ConnectionHarness { loop in
            StubHandler(eventLoop: loop, attempt: { _ in .wait }) { _, _ throws(BackendError) in
                begun.add(1, ordering: .relaxed)
                await gate.wait()
                return Answer(.readdir(DirectoryPage(entries: [], isTruncated: false)))
            }
        }
        try await harness.hello()
        try await harness.receive((1...100).map { ConnectionHarness.call($0, .readdir(Readdir(path: []))) })
        // 256 KiB each, of a megabyte.
        #expect(begun.load(ordering: .relaxed) == 4)
        // Whoever waits can be cancelled, and lets the others pass.
        try await harness.receive(ClientFrame(id: 0, body: .cancel(call: 5)))
        #expect(try await harness.sent().map(\.kind) == ["5 CANCELLED"])
        try await harness.setWritable(false)
        gate.open()
        await harness.loop.run()
        #expect(begun.load(ordering: .relaxed) == 4)
        try await harness.setWritable(true)
        #expect(begun.load(ordering: .relaxed) == 99)
        #expect(try await harness.sent().count == 99)
    }

    // MARK: Before the hello

    @Test func nothingLongIsTakenBeforeTheHello() async throws {
        let harness = try await ConnectionHarness()
        // 16 KiB and one byte.
        try await harness.receive(bytes: ByteBuffer(bytes: [0, 0, 0, 0x40, 1]))
        let answers = try await harness.sent()
        #expect(answers.map(\.kind) == ["go away PROTOCOL_ERROR 0"])
        #expect(answers.first?.error?.limit?.allowed == 16384)
    }

    /// Also where both came in one piece.
    @Test func longFramesAreTakenAfterIt() async throws {
        let harness = try await ConnectionHarness()
        let payload = ByteBuffer(repeating: 1, count: 500_000)
        try await harness.receive(
            ClientFrame(id: 0, body: .hello(Hello(token: "right", clientName: ""))),
            ConnectionHarness.call(1, payload: payload)
        )
        #expect(try await harness.sent().map(\.kind) == ["hello", "1 echo last"])
    }
}
