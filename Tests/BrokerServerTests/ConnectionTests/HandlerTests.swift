import AgentBackend
import BrokerWire
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import BrokerServer

/// The connection by itself: no socket, no pool, no time but the test's.
@Suite(.timeLimit(.minutes(1))) struct ConnectionTimeTests {
    @Test func theHelloHasADeadline() async throws {
        let harness = try await ConnectionHarness()
        await harness.loop.advanceTime(by: .milliseconds(4999))
        #expect(try await harness.sent().isEmpty)
        #expect(harness.channel.isActive)
        await harness.loop.advanceTime(by: .milliseconds(1))
        #expect(try await harness.sent().map(\.kind) == ["go away DEADLINE_EXCEEDED 0"])
        #expect(!harness.channel.isActive)
    }

    @Test func aHelloInTimeKeepsTheConnection() async throws {
        let harness = try await ConnectionHarness()
        await harness.loop.advanceTime(by: .milliseconds(4999))
        try await harness.hello()
        await harness.loop.advanceTime(by: .seconds(20))
        #expect(harness.channel.isActive)
    }

    /// What is no hello does not put the deadline off.
    @Test func pingsAreNoHello() async throws {
        let harness = try await ConnectionHarness()
        for _ in 0..<5 {
            await harness.loop.advanceTime(by: .seconds(1))
            try? await harness.receive(ClientFrame(id: 0, body: .ping(nonce: 1)))
        }
        #expect(try await harness.sent().map(\.kind) == ["go away DEADLINE_EXCEEDED 0"])
        #expect(!harness.channel.isActive)
    }

    /// Nor do the bytes of one that come one by one.
    @Test func aHelloThatComesByteByByteHasNoMoreTime() async throws {
        let harness = try await ConnectionHarness()
        let hello = Hello(token: String(repeating: "x", count: 1000), clientName: "slow")
        let bytes = ConnectionHarness.bytes(of: [ClientFrame(id: 0, body: .hello(hello))])
        var seconds = 0
        for byte in bytes.readableBytesView {
            try await harness.receive(bytes: ByteBuffer(bytes: [byte]))
            await harness.loop.advanceTime(by: .seconds(1))
            seconds += 1
            guard harness.channel.isActive else { break }
        }
        #expect(seconds == 5)
        #expect(try await harness.sent().map(\.kind) == ["go away DEADLINE_EXCEEDED 0"])
    }

    @Test func aWrongTokenIsAnsweredAfterADelay() async throws {
        let harness = try await ConnectionHarness()
        try await harness.receive(ClientFrame(id: 0, body: .hello(Hello(token: "wrong", clientName: ""))))
        await harness.loop.advanceTime(by: .milliseconds(99))
        #expect(try await harness.sent().isEmpty)
        await harness.loop.advanceTime(by: .milliseconds(1))
        #expect(try await harness.sent().map(\.kind) == ["go away AUTH_FAILED 0"])
        #expect(harness.observer.failures.map(\.code) == [.authFailed])
    }

    /// Nothing that comes after it makes the answer come sooner.
    @Test(arguments: [false, true])
    func aWrongTokenIsAnsweredAfterADelayWhateverFollows(atOnce: Bool) async throws {
        let hello = ClientFrame(id: 0, body: .hello(Hello(token: "wrong", clientName: "")))
        let others: [ByteBuffer] = [
            ConnectionHarness.bytes(of: [ConnectionHarness.call(1)]),
            ConnectionHarness.bytes(of: [hello]),
            ConnectionHarness.bytes(of: [ClientFrame(id: 1, body: .chunk)]),
            ConnectionHarness.bytes(of: [ClientFrame(id: 0, body: .ping(nonce: 1))]),
            // No frame at all; one that is no message; half of one.
            ByteBuffer(repeating: 0xff, count: 100),
            ByteBuffer(bytes: [0, 0, 0, 0, 1, 0xff]),
            ByteBuffer(bytes: [0, 0, 0]),
        ]
        for other in others {
            let harness = try await ConnectionHarness()
            var bytes = ConnectionHarness.bytes(of: [hello])
            if atOnce {
                bytes.writeImmutableBuffer(other)
                try await harness.receive(bytes: bytes)
            } else {
                try await harness.receive(bytes: bytes)
                try await harness.receive(bytes: other)
            }
            try await harness.closeInput()
            await harness.loop.advanceTime(by: .milliseconds(99))
            #expect(try await harness.sent().map(\.kind) == [], "\(other)")
            #expect(harness.channel.isActive)
            await harness.loop.advanceTime(by: .milliseconds(1))
            #expect(try await harness.sent().map(\.kind) == ["go away AUTH_FAILED 0"], "\(other)")
        }
    }

    @Test func aWrongTokenIsAnsweredAlsoWhenTheClientClosedItsSide() async throws {
        let harness = try await ConnectionHarness()
        try await harness.receive(ClientFrame(id: 0, body: .hello(Hello(token: "wrong", clientName: ""))))
        try await harness.closeInput()
        await harness.loop.advanceTime(by: .milliseconds(100))
        #expect(try await harness.sent().map(\.kind) == ["go away AUTH_FAILED 0"])
    }

    @Test func aSilentPeerIsPingedAndThenDead() async throws {
        let harness = try await ConnectionHarness()
        try await harness.hello()
        var pings = 0
        for _ in 0..<3 {
            await harness.loop.advanceTime(by: .seconds(30))
            #expect(try await harness.sent().map(\.kind) == ["ping"])
            pings += 1
            #expect(harness.channel.isActive)
        }
        #expect(pings == 3)
        await harness.loop.advanceTime(by: .seconds(30))
        #expect(!harness.channel.isActive)
    }

    @Test func aPeerThatAnswersLives() async throws {
        let harness = try await ConnectionHarness()
        try await harness.hello()
        for _ in 0..<20 {
            await harness.loop.advanceTime(by: .seconds(30))
            guard case .ping(let nonce)? = try await harness.sent().first?.body else { continue }
            try await harness.receive(ClientFrame(id: 0, body: .pong(nonce: nonce)))
        }
        #expect(harness.channel.isActive)
    }

    @Test func aPeerThatSpeaksIsNotPinged() async throws {
        let harness = try await ConnectionHarness()
        try await harness.hello()
        for nonce in 1...20 {
            await harness.loop.advanceTime(by: .seconds(20))
            try await harness.receive(ClientFrame(id: 0, body: .ping(nonce: UInt64(nonce))))
            #expect(try await harness.sent().map(\.kind) == ["pong \(nonce)"])
        }
    }

    /// It cannot answer, and may wait for a long command.
    @Test func aPeerThatClosedItsSideIsNotDead() async throws {
        let gate = Gate()
        let harness = try await ConnectionHarness { loop in
            StubHandler(eventLoop: loop, attempt: { _ in .wait }) { _, _ throws(BackendError) in
                await gate.wait()
                return Answer(.echo)
            }
        }
        try await harness.hello()
        try await harness.receive(ConnectionHarness.call(1))
        try await harness.closeInput()
        // Writing tells whether somebody is there.
        #expect(try await harness.sent().map(\.kind) == ["ping"])
        await harness.loop.advanceTime(by: .hours(1))
        #expect(harness.channel.isActive)
        _ = try await harness.sent()
        gate.open()
        await harness.loop.run()
        #expect(try await harness.sent().map(\.kind) == ["1 echo last"])
        #expect(!harness.channel.isActive)
    }

    @Test func aCallHasADeadline() async throws {
        let harness = try await ConnectionHarness { loop in
            StubHandler(eventLoop: loop, attempt: { _ in .wait }) { _, stream throws(BackendError) in
                _ = try await stream.receive()
                return Answer(.echo)
            }
        }
        try await harness.hello()
        try await harness.receive(
            ConnectionHarness.call(1, deadline: .seconds(2), last: false, .write(Write(path: [])))
        )
        await harness.loop.advanceTime(by: .milliseconds(1999))
        #expect(try await harness.sent().isEmpty)
        await harness.loop.advanceTime(by: .milliseconds(1))
        let answers = try await harness.sent()
        #expect(answers.map(\.kind) == ["1 DEADLINE_EXCEEDED"])
        #expect(answers.first?.error?.maybeExecuted == true)
        #expect(harness.observer.counters.callsWaiting.load(ordering: .relaxed) == 0)
    }

    /// The deadline is that of the call as a whole, the wait for its turn included.
    @Test func aCallThatWaitsForItsTurnHasItsDeadlineToo() async throws {
        let harness = try await ConnectionHarness { loop in
            StubHandler(eventLoop: loop, attempt: { _ in .wait }) { _, stream throws(BackendError) in
                _ = try await stream.receive()
                return Answer(.echo)
            }
        }
        try await harness.hello()
        try await harness.receive(
            ConnectionHarness.call(1, lane: 1, last: false, .write(Write(path: []))),
            ConnectionHarness.call(2, lane: 1, deadline: .seconds(2))
        )
        await harness.loop.advanceTime(by: .seconds(2))
        let answers = try await harness.sent()
        #expect(answers.map(\.kind) == ["2 DEADLINE_EXCEEDED"])
        // It never began.
        #expect(answers.first?.error?.maybeExecuted == false)
        // Nor does it begin later.
        try await harness.receive(ClientFrame(id: 1, body: .chunk))
        #expect(try await harness.sent().map(\.kind) == ["1 echo last"])
    }
}
