import AgentBackend
import BrokerWire
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import BrokerServer

/// Calls of one lane take effect in the order sent, whatever becomes of each.
@Suite(.timeLimit(.minutes(1))) struct HandlerLaneTests {
    /// The first call of a lane waits at the gate, the others are answered on the spot.
    private func harness(_ gate: Gate, limits: SessionLimits = SessionLimits()) async throws -> ConnectionHarness {
        let harness = try await ConnectionHarness(limits: limits) { loop in
            StubHandler(
                eventLoop: loop,
                attempt: { $0.id == 1 ? .wait : .done(Answer(.echo, payload: $0.payload)) },
                perform: { call, _ throws(BackendError) in
                    await gate.wait()
                    return Answer(.echo)
                }
            )
        }
        try await harness.hello()
        return harness
    }

    @Test func theNextBeginsWhenTheOneBeforeItHasEnded() async throws {
        let gate = Gate()
        let harness = try await harness(gate)
        try await harness.receive(
            ConnectionHarness.call(1, lane: 7),
            ConnectionHarness.call(2, lane: 7),
            ConnectionHarness.call(3, lane: 8),
            ConnectionHarness.call(4),
            ConnectionHarness.call(5, lane: 7)
        )
        #expect(try await harness.sent().map(\.kind) == ["3 echo last", "4 echo last"])
        gate.open()
        await harness.loop.run()
        #expect(try await harness.sent().map(\.kind) == ["1 echo last", "2 echo last", "5 echo last"])
        #expect(try await harness.withConnection { $0.lanes.isEmpty && $0.calls.isEmpty } == true)
        #expect(harness.observer.counters.callsWaiting.load(ordering: .relaxed) == 0)
    }

    @Test func oneThatIsCancelledBeforeItsTurnNeverBegins() async throws {
        let gate = Gate()
        let harness = try await harness(gate)
        try await harness.receive(
            ConnectionHarness.call(1, lane: 7),
            ConnectionHarness.call(2, lane: 7),
            ConnectionHarness.call(3, lane: 7),
            ClientFrame(id: 0, body: .cancel(call: 2))
        )
        let answers = try await harness.sent()
        #expect(answers.map(\.kind) == ["2 CANCELLED"])
        #expect(answers.first?.error?.maybeExecuted == false)
        gate.open()
        await harness.loop.run()
        #expect(try await harness.sent().map(\.kind) == ["1 echo last", "3 echo last"])
        #expect(harness.handler.attempts.load(ordering: .relaxed) == 2)
    }

    /// Each call that ends begins the next one; that must not need stack for each.
    @Test func aLaneMayBeLong() async throws {
        let gate = Gate()
        let count: UInt64 = 50_000
        let harness = try await harness(gate, limits: SessionLimits(maximumCallsInFlight: UInt32(count)))
        try await harness.receive((1...count).map { ConnectionHarness.call($0, lane: 7) })
        #expect(try await harness.sent().isEmpty)
        gate.open()
        await harness.loop.run()
        #expect(try await harness.sent().map(\.id) == Array(1...count))
    }

    /// The same where each call waits, and ends in its first step.
    @Test func aLaneOfCallsThatWaitMayBeLong() async throws {
        let gate = Gate()
        let count: UInt64 = 20_000
        let limits = SessionLimits(maximumCallsInFlight: UInt32(count))
        let harness = try await ConnectionHarness(limits: limits) { loop in
            StubHandler(eventLoop: loop, attempt: { _ in .wait }) { call, _ throws(BackendError) in
                if call.id == 1 { await gate.wait() }
                return Answer(.echo)
            }
        }
        try await harness.hello()
        try await harness.receive((1...count).map { ConnectionHarness.call($0, lane: 7) })
        gate.open()
        await harness.loop.run()
        #expect(try await harness.sent().map(\.id) == Array(1...count))
    }

    /// What a client sends for a call belongs to it, also before its turn.
    @Test func chunksOfACallBeforeItsTurnAreKept() async throws {
        let gate = Gate()
        let harness = try await ConnectionHarness { loop in
            StubHandler(eventLoop: loop, attempt: { _ in .wait }) { call, stream throws(BackendError) in
                if call.id == 1 { await gate.wait() }
                var all = ByteBuffer()
                while let piece = try await stream.receive() { all.writeImmutableBuffer(piece) }
                return Answer(.echo, payload: all)
            }
        }
        try await harness.hello()
        let write = BrokerWire.Operation.write(Write(path: []))
        try await harness.receive(
            ConnectionHarness.call(1, lane: 7),
            ConnectionHarness.call(2, lane: 7, last: false, write, payload: ByteBuffer(string: "a")),
            ClientFrame(id: 2, last: false, body: .chunk, payload: ByteBuffer(string: "b")),
            ClientFrame(id: 2, body: .chunk, payload: ByteBuffer(string: "c"))
        )
        gate.open()
        await harness.loop.run()
        let answers = try await harness.sent()
        #expect(answers.map(\.kind) == ["1 echo last", "2 echo last"])
        #expect(answers.last.map { String(buffer: $0.payload) } == "abc")
    }

    /// So does credit.
    @Test func creditForACallBeforeItsTurnIsKept() async throws {
        let gate = Gate()
        let limits = SessionLimits(streamWindow: 100, connectionWindow: 10_000)
        let harness = try await ConnectionHarness(limits: limits) { loop in
            StubHandler(eventLoop: loop, attempt: { _ in .wait }) { call, _ throws(BackendError) in
                if call.id == 1 { await gate.wait() }
                return Answer(.echo, payload: ByteBuffer(repeating: 1, count: call.id == 1 ? 0 : 1000))
            }
        }
        try await harness.hello()
        try await harness.receive(
            ConnectionHarness.call(1, lane: 7),
            ConnectionHarness.call(2, lane: 7),
            ClientFrame(id: 0, body: .window(stream: 2, bytes: 900))
        )
        gate.open()
        await harness.loop.run()
        let answers = try await harness.sent()
        #expect(answers.last?.last == true)
        #expect(answers.reduce(0) { $0 + $1.payload.readableBytes } == 1000)
    }

    @Test func aLaneGoesOnAfterACallThatFailed() async throws {
        let harness = try await ConnectionHarness { loop in
            StubHandler(
                eventLoop: loop,
                attempt: { $0.id == 2 ? .failed(BackendError(.readFailed, message: "")) : .wait },
                perform: { call, _ throws(BackendError) in throw BackendError(.internal, message: "") }
            )
        }
        try await harness.hello()
        try await harness.receive((1...3).map { ConnectionHarness.call($0, lane: 7) })
        #expect(try await harness.sent().map(\.kind) == ["1 INTERNAL", "2 READ_FAILED", "3 INTERNAL"])
        #expect(harness.observer.counters.callTally.failedCount == 3)
    }

    @Test func theEndOfTheConnectionEndsThoseThatWaitForTheirTurn() async throws {
        let gate = Gate()
        let harness = try await harness(gate)
        try await harness.receive((1...5).map { ConnectionHarness.call($0, lane: 7, deadline: .seconds(60)) })
        try await harness.channel.close().get()
        await harness.loop.run()
        // The first one runs yet.
        #expect(harness.observer.ends == 0)
        gate.open()
        await harness.loop.run()
        #expect(harness.observer.ends == 1)
        #expect(harness.handler.endedSessions.load(ordering: .relaxed) == 1)
        #expect(harness.observer.counters.callsWaiting.load(ordering: .relaxed) == 0)
        #expect(harness.handler.attempts.load(ordering: .relaxed) == 1)
        #expect(try await !harness.isAlive)
    }
}
