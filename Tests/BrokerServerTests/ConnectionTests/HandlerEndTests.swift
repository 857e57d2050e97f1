import AgentBackend
import BrokerWire
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import BrokerServer

/// How a connection ends, and that nothing of it is left.
@Suite(.timeLimit(.minutes(1))) struct HandlerEndTests {
    /// Calls wait at a gate, whatever is done to them.
    private func harness(_ gate: Gate) async throws -> ConnectionHarness {
        let harness = try await ConnectionHarness { loop in
            StubHandler(eventLoop: loop, attempt: { _ in .wait }) { _, _ throws(BackendError) in
                await gate.wait()
                return Answer(.echo)
            }
        }
        try await harness.hello()
        return harness
    }

    /// Calls wait for what their caller sends next.
    private func reader() async throws -> ConnectionHarness {
        let harness = try await ConnectionHarness { loop in
            StubHandler(eventLoop: loop, attempt: { _ in .wait }) { _, stream throws(BackendError) in
                while try await stream.receive() != nil {}
                return Answer(.echo)
            }
        }
        try await harness.hello()
        return harness
    }

    private let write = BrokerWire.Operation.write(Write(path: []))

    private func expectNothingLeft(_ harness: ConnectionHarness, sessions: Int = 1) async throws {
        #expect(harness.observer.ends == 1)
        #expect(harness.handler.endedSessions.load(ordering: .relaxed) == sessions)
        #expect(harness.observer.counters.callsWaiting.load(ordering: .relaxed) == 0)
        #expect(try await !harness.isAlive)
    }

    // MARK: Memory

    @Test func nothingIsLeftOfAConnectionWithoutAHello() async throws {
        let harness = try await ConnectionHarness()
        try await harness.channel.close().get()
        await harness.loop.run()
        try await expectNothingLeft(harness, sessions: 0)
    }

    /// The answer to a wrong token is held back for a while, and a connection that ends meanwhile is not.
    @Test func nothingIsLeftOfAConnectionThatWasAboutToBeRefused() async throws {
        let harness = try await ConnectionHarness()
        try await harness.receive(ClientFrame(id: 0, body: .hello(Hello(token: "wrong", clientName: ""))))
        try await harness.channel.close().get()
        await harness.loop.run()
        try await expectNothingLeft(harness, sessions: 0)
    }

    @Test func nothingIsLeftOfAConnectionThatWentForAnother() async throws {
        let harness = try await ConnectionHarness()
        _ = try await harness.withConnection { $0.abandon(BackendError(.resourceExhausted, message: "")) }
        #expect(try await harness.sent().map(\.kind) == ["go away RESOURCE_EXHAUSTED 0"])
        #expect(!harness.channel.isActive)
        try await expectNothingLeft(harness, sessions: 0)
    }

    @Test func nothingIsLeftOfAnIdleConnection() async throws {
        let harness = try await ConnectionHarness()
        try await harness.hello()
        try await harness.receive(ConnectionHarness.call(1))
        try await harness.channel.close().get()
        await harness.loop.run()
        try await expectNothingLeft(harness)
    }

    /// Their tasks, timers and streams are gone as well.
    @Test func nothingIsLeftOfCallsThatWereUnderWay() async throws {
        let harness = try await reader()
        try await harness.receive(
            ConnectionHarness.call(1, deadline: .seconds(3600), last: false, write, payload: ByteBuffer(string: "x")),
            ConnectionHarness.call(2, lane: 3, deadline: .seconds(3600), last: false, write),
            ConnectionHarness.call(3, lane: 3, deadline: .seconds(3600), last: false, write),
            ConnectionHarness.call(4, lane: 3, deadline: .seconds(3600))
        )
        #expect(harness.observer.counters.callsWaiting.load(ordering: .relaxed) == 4)
        try await harness.channel.close().get()
        await harness.loop.run()
        try await expectNothingLeft(harness)
    }

    @Test func nothingIsLeftOfCallsThatWaitedForCredit() async throws {
        let limits = SessionLimits(streamWindow: 100, connectionWindow: 100)
        let harness = try await ConnectionHarness(limits: limits) { loop in
            StubHandler(eventLoop: loop, attempt: { _ in .wait }) { _, _ throws(BackendError) in
                Answer(.echo, payload: ByteBuffer(repeating: 1, count: 1000))
            }
        }
        try await harness.hello()
        try await harness.receive((1...10).map { ConnectionHarness.call($0) })
        try await harness.channel.close().get()
        await harness.loop.run()
        try await expectNothingLeft(harness)
    }

    /// The connection stays until the last call has ended: its effects are to be over when it is gone.
    @Test func theConnectionIsNotGoneBeforeItsCalls() async throws {
        let gate = Gate()
        let harness = try await harness(gate)
        try await harness.receive(ConnectionHarness.call(1), ConnectionHarness.call(2))
        try await harness.channel.close().get()
        await harness.loop.run()
        #expect(harness.observer.ends == 0)
        #expect(try await harness.isAlive)
        gate.open()
        await harness.loop.run()
        try await expectNothingLeft(harness)
    }

    @Test func nothingIsLeftAfterAFault() async throws {
        let harness = try await reader()
        try await harness.receive(
            ConnectionHarness.call(5, last: false, write),
            ConnectionHarness.call(6, lane: 1, last: false, write),
            ConnectionHarness.call(7, lane: 1),
            ConnectionHarness.call(5)
        )
        #expect(try await harness.sent().map(\.kind) == ["go away PROTOCOL_ERROR 7"])
        await harness.loop.advanceTime(by: .seconds(2))
        try await expectNothingLeft(harness)
    }

    /// One that never got as far as a channel, because there were too many.
    @Test func nothingIsLeftOfAConnectionThatWasNeverServed() async throws {
        let loop = NIOAsyncTestingEventLoop()
        let ended = Atomic<Bool>(false)
        let limits = AdmissionLimits(BrokerConfiguration(root: "/r", node: "n"))
        let connections = ConnectionTable(limits, drain: BrokerDrain()) { .zero }
        try await loop.executeInContext {
            let connection = ConnectionHandler(
                settings: ConnectionSettings(
                    limits: SessionLimits(),
                    helloDeadline: .seconds(1),
                    keepaliveMisses: 1,
                    maximumUnsent: 1,
                    serverVersion: "",
                    node: "",
                    authenticate: { _ in .failure(BackendError(.authFailed, message: "")) },
                    observer: StubObserver(),
                    admission: .stub()
                ),
                handler: StubHandler(eventLoop: loop),
                eventLoop: loop,
                codec: FrameCodec(maximumHeadLength: 1024),
                poller: BusyPoller(),
                entry: connections.makeEntry()
            )
            connection.whenGone.whenComplete { _ in ended.store(true, ordering: .relaxed) }
        }
        await loop.run()
        let hasEnded = ended.load(ordering: .relaxed)
        #expect(hasEnded)
    }

    // MARK: Half close

    @Test func whatWasAskedIsAnswered() async throws {
        let gate = Gate()
        let harness = try await harness(gate)
        try await harness.receive(
            ConnectionHarness.call(1),
            ConnectionHarness.call(2, lane: 1),
            ConnectionHarness.call(3, lane: 1)
        )
        try await harness.closeInput()
        #expect(harness.channel.isActive)
        gate.open()
        await harness.loop.run()
        #expect(try await harness.sent().map(\.kind) == ["ping", "1 echo last", "2 echo last", "3 echo last"])
        #expect(!harness.channel.isActive)
        try await expectNothingLeft(harness)
    }

    @Test func streamsThatWereNotEndedAreCutOff() async throws {
        let harness = try await reader()
        try await harness.receive(
            ConnectionHarness.call(1, last: false, write),
            ConnectionHarness.call(2, lane: 1, last: false, write),
            ConnectionHarness.call(3, lane: 1, last: false, write)
        )
        try await harness.closeInput()
        #expect(
            Set(try await harness.sent().map(\.kind))
                == ["ping", "1 CONNECTION_CLOSED", "2 CONNECTION_CLOSED", "3 CONNECTION_CLOSED"]
        )
        #expect(!harness.channel.isActive)
    }

    /// Nobody can give credit any more: the rest of an answer would wait for ever.
    @Test func answersThatNeedMoreCreditFail() async throws {
        let limits = SessionLimits(streamWindow: 100, connectionWindow: 1000)
        let harness = try await ConnectionHarness(limits: limits) { loop in
            StubHandler(eventLoop: loop, attempt: { _ in .wait }) { call, _ throws(BackendError) in
                Answer(.echo, payload: ByteBuffer(repeating: 1, count: call.id == 1 ? 101 : 100))
            }
        }
        try await harness.hello()
        try await harness.receive(ConnectionHarness.call(1), ConnectionHarness.call(2))
        #expect(try await harness.sent().map(\.kind) == ["1 echo", "2 echo last"])
        try await harness.closeInput()
        #expect(try await harness.sent().map(\.kind).contains("1 CONNECTION_CLOSED"))
        #expect(!harness.channel.isActive)
        try await expectNothingLeft(harness)
    }

    @Test func aFrameThatWasCutOffEndsTheConnection() async throws {
        let harness = try await reader()
        try await harness.receive(bytes: ByteBuffer(bytes: [0, 0, 0]))
        try await harness.closeInput()
        #expect(try await harness.sent().map(\.kind) == ["go away PROTOCOL_ERROR 0"])
    }

    // MARK: Cancel

    @Test func aCallThatIsCancelledIsAnsweredOnce() async throws {
        let harness = try await reader()
        try await harness.receive(
            ConnectionHarness.call(1, last: false, write),
            ClientFrame(id: 0, body: .cancel(call: 1))
        )
        let answers = try await harness.sent()
        #expect(answers.map(\.kind) == ["1 CANCELLED"])
        #expect(answers.first?.error?.maybeExecuted == true)
        try await harness.receive(ClientFrame(id: 0, body: .cancel(call: 1)), ClientFrame(id: 1, body: .chunk))
        #expect(try await harness.sent().isEmpty)
        #expect(harness.channel.isActive)
    }

    @Test func cancellingWhatNeverBeganIsIgnored() async throws {
        let harness = try await reader()
        try await harness.receive(
            ClientFrame(id: 0, body: .cancel(call: 99)),
            ClientFrame(id: 0, body: .cancel(call: 0))
        )
        #expect(try await harness.sent().isEmpty)
        try await harness.receive(ConnectionHarness.call(99))
        #expect(try await harness.sent().map(\.kind) == ["99 echo last"])
    }

    /// The answer comes once its effects are stopped, not before.
    @Test func aCallThatTakesItsTimeToStopIsAnsweredThen() async throws {
        let gate = Gate()
        let harness = try await ConnectionHarness { loop in
            StubHandler(eventLoop: loop, attempt: { _ in .wait }) { _, stream throws(BackendError) in
                do throws(BackendError) {
                    while try await stream.receive() != nil {}
                } catch {
                    await gate.wait()
                    throw error
                }
                return Answer(.echo)
            }
        }
        try await harness.hello()
        try await harness.receive(
            ConnectionHarness.call(1, last: false, write),
            ClientFrame(id: 0, body: .cancel(call: 1))
        )
        #expect(try await harness.sent().isEmpty)
        gate.open()
        await harness.loop.run()
        #expect(try await harness.sent().map(\.kind) == ["1 CANCELLED"])
    }

    /// A result that came first is the answer: what was done, or held, is not forgotten.
    @Test func aCallThatSucceededAllTheSameIsAnsweredWithItsResult() async throws {
        let gate = Gate()
        let harness = try await harness(gate)
        try await harness.receive(ConnectionHarness.call(1), ClientFrame(id: 0, body: .cancel(call: 1)))
        gate.open()
        await harness.loop.run()
        #expect(try await harness.sent().map(\.kind) == ["1 echo last"])
    }

    // MARK: Frames for calls

    @Test func aPieceAfterTheLastFailsItsCall() async throws {
        let gate = Gate()
        let harness = try await ConnectionHarness { loop in
            StubHandler(eventLoop: loop, attempt: { _ in .wait }) { _, stream throws(BackendError) in
                await gate.wait()
                while try await stream.receive() != nil {}
                return Answer(.echo)
            }
        }
        try await harness.hello()
        try await harness.receive(
            ConnectionHarness.call(1, write),
            // Nothing in it: harmless.
            ClientFrame(id: 1, body: .chunk),
            ConnectionHarness.call(2, write),
            ClientFrame(id: 2, last: false, body: .chunk, payload: ByteBuffer(string: "more"))
        )
        gate.open()
        await harness.loop.run()
        #expect(try await harness.sent().map(\.kind) == ["1 echo last", "2 PROTOCOL_ERROR"])
        #expect(harness.channel.isActive)
    }

    @Test func whatOnlyANewerClientKnowsFailsItsCallAlone() async throws {
        let harness = try await reader()
        try await harness.receive(
            ConnectionHarness.call(1, last: false, write),
            ConnectionHarness.call(2, last: false, write),
            ClientFrame(id: 1, body: .unknown),
            ClientFrame(id: 0, body: .unknown),
            ClientFrame(id: 9, body: .unknown)
        )
        #expect(Set(try await harness.sent().map(\.kind)) == ["1 NOT_IMPLEMENTED", "9 NOT_IMPLEMENTED"])
        // Of a call that has ended.
        try await harness.receive(ClientFrame(id: 1, body: .unknown), ClientFrame(id: 2, body: .chunk))
        #expect(try await harness.sent().map(\.kind) == ["2 echo last"])
    }

    @Test func aBrokenMessageFailsItsCallAlone() async throws {
        let harness = try await reader()
        try await harness.receive(
            ConnectionHarness.call(3, last: false, write),
            ConnectionHarness.call(4, last: false, write)
        )
        // id 3, a tag that is none; id 5, the same.
        try await harness.receive(bytes: ByteBuffer(bytes: [0, 0, 0, 0, 3, 8, 3, 0xff, 0, 0, 0, 0, 3, 8, 5, 0xff]))
        #expect(Set(try await harness.sent().map(\.kind)) == ["3 PROTOCOL_ERROR", "5 PROTOCOL_ERROR"])
        try await harness.receive(ClientFrame(id: 4, body: .chunk))
        #expect(try await harness.sent().map(\.kind) == ["4 echo last"])
        // Without an id it is the connection's.
        try await harness.receive(bytes: ByteBuffer(bytes: [0, 0, 0, 0, 1, 0xff]))
        #expect(try await harness.sent().map(\.kind) == ["go away PROTOCOL_ERROR 5"])
    }

    // MARK: Shutdown

    @Test func aDrainAnswersWhatIsInFlight() async throws {
        let gate = Gate()
        let harness = try await harness(gate)
        try await harness.receive(ConnectionHarness.call(4))
        _ = try await harness.withConnection { $0.drain(.seconds(7), telling: BrokerDrain()) }
        try await harness.receive(ConnectionHarness.call(5))
        #expect(try await harness.sent().map(\.kind) == ["go away planned 4", "5 SHUTTING_DOWN"])
        gate.open()
        await harness.loop.run()
        #expect(try await harness.sent().map(\.kind) == ["4 echo last"])
        #expect(!harness.channel.isActive)
    }

    /// Ids that were promised not to be started stay so in a second go-away.
    @Test func theEndOfADrainKeepsItsPromise() async throws {
        let harness = try await reader()
        try await harness.receive(ConnectionHarness.call(4, last: false, write))
        _ = try await harness.withConnection { $0.drain(.seconds(7), telling: BrokerDrain()) }
        try await harness.receive(ConnectionHarness.call(5))
        _ = try await harness.sent()
        _ = try await harness.withConnection { $0.fail(BackendError(.shuttingDown, message: "")) }
        #expect(try await harness.sent().map(\.kind) == ["go away SHUTTING_DOWN 4"])
        try await expectNothingLeft(harness)
    }

    /// A connection that is over is not told so once more: a last id of 0 would say that nothing was started.
    @Test func aFaultAfterTheEndSaysNothing() async throws {
        let gate = Gate()
        let harness = try await harness(gate)
        try await harness.receive(ConnectionHarness.call(4))
        _ = try await harness.withConnection { connection in
            connection.fail(BackendError(.protocolError, message: ""))
            connection.fail(BackendError(.shuttingDown, message: ""))
        }
        #expect(try await harness.sent().map(\.kind) == ["go away PROTOCOL_ERROR 4"])
        #expect(harness.observer.failures.count == 1)
        gate.open()
        await harness.loop.run()
    }
}
