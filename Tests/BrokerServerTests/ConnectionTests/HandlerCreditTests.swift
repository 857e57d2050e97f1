import AgentBackend
import BrokerWire
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import BrokerServer

/// Credit in both directions, counted to the byte.
@Suite(.timeLimit(.minutes(1))) struct HandlerCreditTests {
    private static let limits = SessionLimits(streamWindow: 1000, connectionWindow: 4000)

    private func payload(_ count: Int) -> ByteBuffer { ByteBuffer(repeating: 1, count: count) }

    private func window(_ stream: UInt64, _ bytes: UInt64) -> ClientFrame {
        ClientFrame(id: 0, body: .window(stream: stream, bytes: bytes))
    }

    /// Calls are answered with as many bytes as `size` says, and wait.
    private func sender(_ size: Int) async throws -> ConnectionHarness {
        let harness = try await ConnectionHarness(limits: Self.limits) { loop in
            StubHandler(eventLoop: loop, attempt: { _ in .wait }) { _, _ throws(BackendError) in
                Answer(.echo, payload: ByteBuffer(repeating: 1, count: size))
            }
        }
        try await harness.hello()
        return harness
    }

    private func bytes(_ frames: [ServerFrame]) -> Int { frames.reduce(0) { $0 + $1.payload.readableBytes } }

    // MARK: Towards the client

    @Test func aStreamStopsAtItsWindow() async throws {
        let harness = try await sender(2500)
        try await harness.receive(ConnectionHarness.call(1))
        var frames = try await harness.sent()
        #expect(bytes(frames) == 1000)
        try await harness.receive(window(1, 700))
        frames = try await harness.sent()
        #expect(bytes(frames) == 700)
        #expect(frames.allSatisfy { !$0.last })
        try await harness.receive(window(1, 5000))
        frames = try await harness.sent()
        #expect(bytes(frames) == 800)
        #expect(frames.map(\.last) == [true])
    }

    @Test func aConnectionStopsAtItsWindow() async throws {
        let harness = try await sender(900)
        try await harness.receive((1...10).map { ConnectionHarness.call($0) })
        #expect(bytes(try await harness.sent()) == 4000)
        try await harness.receive(window(0, 1))
        #expect(bytes(try await harness.sent()) == 1)
        try await harness.receive(window(0, 100_000))
        let rest = try await harness.sent()
        #expect(bytes(rest) == 10 * 900 - 4001)
        #expect(Set(rest.filter(\.last).map(\.id)).isSuperset(of: Set(5...10)))
    }

    /// One stream without credit of its own does not hold up the others.
    @Test func streamsWithoutCreditArePassedOver() async throws {
        let harness = try await sender(1500)
        try await harness.receive((1...5).map { ConnectionHarness.call($0) })
        #expect(bytes(try await harness.sent()) == 4000)
        try await harness.receive(window(0, 100_000))
        #expect(bytes(try await harness.sent()) == 1000)
        try await harness.receive(window(4, 500))
        let frames = try await harness.sent()
        #expect(frames.map(\.kind) == ["4 chunk last"])
    }

    /// Also while a thousand others wait, the credit that is there is used.
    @Test func noCreditIsLeftUnused() async throws {
        let harness = try await sender(1000)
        try await harness.receive((1...1000).map { ConnectionHarness.call($0) })
        var received = bytes(try await harness.sent())
        var given = 4000
        #expect(received == given)
        while received < 1000 * 1000 {
            try await harness.receive(window(0, 7777))
            given += 7777
            received += bytes(try await harness.sent())
            #expect(received == min(given, 1000 * 1000))
        }
        #expect(try await harness.withConnection { $0.calls.isEmpty && $0.creditWaiters.isEmpty } == true)
    }

    /// Those that are cancelled while they wait leave the credit to the others.
    @Test func creditIsNotLostWithACallThatIsCancelled() async throws {
        let harness = try await sender(900)
        try await harness.receive((1...8).map { ConnectionHarness.call($0) })
        #expect(bytes(try await harness.sent()) == 4000)
        // Credit for all, and the end of some of them, in one batch.
        try await harness.receive([window(0, 4000)] + (5...7).map { ClientFrame(id: 0, body: .cancel(call: $0)) })
        let frames = try await harness.sent()
        #expect(frames.filter { $0.id == 8 }.last?.last == true)
        #expect(try await harness.withConnection { $0.calls.isEmpty } == true)
    }

    /// Credit that a call reserved and did not use goes back to the connection.
    @Test func whatWasReservedIsGivenBack() async throws {
        let harness = try await ConnectionHarness(limits: Self.limits) { loop in
            StubHandler(eventLoop: loop, attempt: { _ in .wait }) { _, stream throws(BackendError) in
                _ = try await stream.reserve(upTo: 1000)
                throw BackendError(.readFailed, message: "")
            }
        }
        try await harness.hello()
        for id in 1...20 { try await harness.receive(ConnectionHarness.call(UInt64(id))) }
        #expect(try await harness.sent().map(\.kind) == (1...20).map { "\($0) READ_FAILED" })
        #expect(try await harness.withConnection { $0.sendWindow.credit } == 4000)
    }

    @Test(arguments: [0, 1] as [UInt64])
    func tooMuchCreditEndsTheConnection(stream: UInt64) async throws {
        let harness = try await sender(2500)
        try await harness.receive(ConnectionHarness.call(1))
        _ = try await harness.sent()
        try await harness.receive(window(stream, 1 << 61))
        #expect(harness.channel.isActive)
        _ = try await harness.sent()
        // Twice 2^62 is more than a number holds.
        try await harness.receive(window(stream, 1 << 62), window(stream, 1 << 62))
        if stream == 0 {
            #expect(try await harness.sent().map(\.kind) == ["go away PROTOCOL_ERROR 1"])
        } else {
            // Of a stream that has ended it is ignored.
            #expect(harness.channel.isActive)
        }
    }

    @Test func tooMuchCreditForAStreamEndsTheConnection() async throws {
        let harness = try await ConnectionHarness { loop in
            StubHandler(eventLoop: loop, attempt: { _ in .wait }) { _, stream throws(BackendError) in
                _ = try await stream.receive()
                return Answer(.echo)
            }
        }
        try await harness.hello()
        try await harness.receive(
            ConnectionHarness.call(1, last: false, .write(Write(path: []))),
            window(1, (1 << 62) - (1 << 20)),
            window(1, 1 << 62)
        )
        #expect(try await harness.sent().map(\.kind) == ["go away PROTOCOL_ERROR 1"])
    }

    /// Answers on the spot draw credit like all others.
    @Test func answersOnTheSpotWaitForCredit() async throws {
        let harness = try await ConnectionHarness(limits: Self.limits)
        try await harness.hello()
        for id in 1...6 { try await harness.receive(ConnectionHarness.call(UInt64(id), payload: payload(900))) }
        let frames = try await harness.sent()
        #expect(bytes(frames) == 4000)
        #expect(frames.filter { $0.id > 0 && $0.last }.map(\.id) == [1, 2, 3, 4])
        try await harness.receive(window(0, 10_000))
        #expect(bytes(try await harness.sent()) == 6 * 900 - 4000)
    }

    // MARK: From the client

    /// Echoes are kept until the client takes them: so is the credit for what they carried.
    @Test func answersThatWaitHoldTheCreditOfTheirCalls() async throws {
        let harness = try await ConnectionHarness(limits: Self.limits)
        try await harness.hello()
        // Four are answered, and the credit of three of them was given back: there was credit for 6700 bytes.
        for id in 1...7 { try await harness.receive(ConnectionHarness.call(UInt64(id), payload: payload(900))) }
        #expect(harness.channel.isActive)
        try await harness.receive(ConnectionHarness.call(8, payload: payload(900)))
        #expect(try await harness.sent().last?.kind == "go away PROTOCOL_ERROR 8")
    }

    /// Nothing that arrives costs a client credit for ever: not what is refused, unknown, broken or too late.
    @Test func theCreditOfAllThatArrivesIsGivenBack() async throws {
        let limits = SessionLimits(streamWindow: 1000, connectionWindow: 4000, maximumCallsInFlight: 1)
        let gate = Gate()
        let harness = try await ConnectionHarness(limits: limits) { loop in
            StubHandler(
                eventLoop: loop,
                attempt: { $0.id == 1 ? .wait : .failed(BackendError(.readFailed, message: "")) },
                perform: { _, _ throws(BackendError) in
                    await gate.wait()
                    return Answer(.echo)
                }
            )
        }
        try await harness.hello()
        try await harness.receive(ConnectionHarness.call(1))
        var id: UInt64 = 1
        var credit = 4000
        func spend(_ frames: [ClientFrame]) async throws {
            credit -= frames.reduce(0) { $0 + $1.payload.readableBytes }
            try #require(credit >= 0)
            try await harness.receive(frames)
            for frame in try await harness.sent() {
                if case .window(stream: 0, let bytes) = frame.body { credit += Int(bytes) }
            }
        }
        for _ in 0..<50 {
            id += 3
            try await spend([
                // Too many in flight.
                ConnectionHarness.call(id, payload: payload(900)),
                // Unknown.
                ClientFrame(id: id + 1, body: .unknown, payload: payload(900)),
                // Of a call that has ended.
                ClientFrame(id: id, last: false, body: .chunk, payload: payload(100)),
            ])
        }
        gate.open()
        await harness.loop.run()
        for _ in 0..<50 {
            id += 3
            try await spend([ConnectionHarness.call(id, payload: payload(900))])
        }
        #expect(harness.channel.isActive)
        // Half of a window may be kept back.
        #expect(credit >= 2000)
    }

    /// A message that cannot be taken, with a payload.
    @Test func theCreditOfBrokenMessagesIsGivenBack() async throws {
        let harness = try await ConnectionHarness(limits: Self.limits)
        try await harness.hello()
        var credit = 4000
        for id in 1...50 {
            var frame = ConnectionHarness.bytes(of: [
                ClientFrame(id: UInt64(id), target: Target(key: "key"), body: .call(.echo), payload: payload(900))
            ])
            // The key is no UTF-8 any more.
            let index = try #require(frame.readableBytesView.firstRange(of: "key".utf8))
            frame.setInteger(UInt8(0xff), at: index.lowerBound)
            credit -= 900
            try #require(credit >= 0)
            try await harness.receive(bytes: frame)
            for frame in try await harness.sent() {
                if case .window(stream: 0, let bytes) = frame.body { credit += Int(bytes) }
                if let error = frame.error { #expect(error.code == .invalidArgument) }
            }
        }
    }

    /// Refused calls are no way to more credit than there is.
    @Test func refusedCallsDrawCreditToo() async throws {
        let limits = SessionLimits(streamWindow: 1000, connectionWindow: 4000, maximumCallsInFlight: 6)
        let gate = Gate()
        let harness = try await ConnectionHarness(limits: limits) { loop in
            StubHandler(eventLoop: loop, attempt: { _ in .wait }) { _, _ throws(BackendError) in
                // Takes nothing.
                await gate.wait()
                return Answer(.echo)
            }
        }
        try await harness.hello()
        for id in 1...6 {
            try await harness.receive(ConnectionHarness.call(UInt64(id), last: false, .write(Write(path: []))))
        }
        for id in 7...26 { try await harness.receive(ConnectionHarness.call(UInt64(id), payload: payload(1000))) }
        let refusals = try await harness.sent()
        #expect(refusals.filter { $0.error?.code == .resourceExhausted }.count == 20)
        // All of it was given back, so that there is credit for 4000 bytes: as at first, and no more.
        for id in 1...4 {
            try await harness.receive(ClientFrame(id: UInt64(id), last: false, body: .chunk, payload: payload(1000)))
        }
        #expect(try await harness.sent().isEmpty)
        try await harness.receive(ClientFrame(id: 5, last: false, body: .chunk, payload: payload(1)))
        #expect(try await harness.sent().map(\.kind) == ["go away PROTOCOL_ERROR 26"])
        gate.open()
        await harness.loop.run()
    }

    @Test func moreThanTheWindowOfAStreamEndsTheConnection() async throws {
        let harness = try await ConnectionHarness(limits: Self.limits)
        try await harness.hello()
        try await harness.receive(ConnectionHarness.call(1, payload: payload(1001)))
        #expect(try await harness.sent().map(\.kind) == ["go away PROTOCOL_ERROR 1"])
        #expect(!harness.channel.isActive)
    }

    /// A command that reads nothing: `count` pieces of 500 bytes are sent to it.
    private func overwhelm(streams: UInt64, pieces: Int) async throws -> (
        harness: ConnectionHarness, sent: [ServerFrame]
    ) {
        let gate = Gate()
        let harness = try await ConnectionHarness(limits: Self.limits) { loop in
            StubHandler(eventLoop: loop, attempt: { _ in .wait }) { _, _ throws(BackendError) in
                await gate.wait()
                return Answer(.echo)
            }
        }
        try await harness.hello()
        let start = BrokerWire.Operation.execStart(ExecStart(program: nil, opensStandardInput: true))
        for id in 1...streams { try await harness.receive(ConnectionHarness.call(id, last: false, start)) }
        for index in 0..<pieces {
            let id = 1 + UInt64(index) % streams
            try await harness.receive(ClientFrame(id: id, last: false, body: .chunk, payload: payload(500)))
        }
        let sent = try await harness.sent()
        gate.open()
        await harness.loop.run()
        return (harness, sent)
    }

    @Test func chunksOverAStreamsWindowEndTheConnection() async throws {
        let fine = try await overwhelm(streams: 1, pieces: 2)
        #expect(fine.sent.isEmpty)
        #expect(fine.harness.channel.isActive)
        let broken = try await overwhelm(streams: 1, pieces: 3)
        #expect(broken.sent.map(\.kind) == ["go away PROTOCOL_ERROR 1"])
        #expect(!broken.harness.channel.isActive)
    }

    @Test func chunksOverTheConnectionsWindowEndIt() async throws {
        let fine = try await overwhelm(streams: 5, pieces: 8)
        #expect(fine.sent.isEmpty)
        let broken = try await overwhelm(streams: 5, pieces: 9)
        #expect(broken.sent.map(\.kind) == ["go away PROTOCOL_ERROR 5"])
        #expect(broken.harness.observer.failures.map(\.code) == [.protocolError])
    }

    /// Calls that may never take what they are sent hold up themselves and nobody else.
    @Test func callsThatLeaveTheConnectionsCreditHoldNoneOfIt() async throws {
        let gate = Gate()
        let harness = try await ConnectionHarness(limits: Self.limits) { loop in
            StubHandler(eventLoop: loop, attempt: { _ in .wait }) { call, stream throws(BackendError) in
                _ = try await stream.receive()
                stream.leaveConnectionCredit()
                await gate.wait()
                var count = call.payload.readableBytes
                while let piece = try await stream.receive() { count += piece.readableBytes }
                return Answer(.echo, payload: ByteBuffer(string: "\(count)"))
            }
        }
        try await harness.hello()
        let write = BrokerWire.Operation.write(Write(path: []))
        var credit = 4000
        for id: UInt64 in 1...17 {
            for (index, count) in [300, 700].enumerated() {
                credit -= count
                try #require(credit >= 0)
                let isFirst = index == 0
                try await harness.receive(
                    isFirst
                        ? ConnectionHarness.call(id, last: false, write, payload: payload(count))
                        : ClientFrame(id: id, last: false, body: .chunk, payload: payload(count))
                )
                for frame in try await harness.sent() {
                    if case .window(stream: 0, let bytes) = frame.body { credit += Int(bytes) }
                }
            }
        }
        // What may be held back is less than half of the window, as always.
        #expect(credit > 2000)
        // Each stream's own window holds.
        gate.open()
        for id: UInt64 in 1...17 { try await harness.receive(ClientFrame(id: id, body: .chunk)) }
        let answers = try await harness.sent().filter { $0.last && $0.id > 0 }
        #expect(answers.map { String(buffer: $0.payload) } == (1...17).map { _ in "1000" })
        #expect(harness.channel.isActive)
    }

    /// Credit comes back as the call takes the bytes, for the stream and for the connection.
    @Test func aCallThatReadsGivesCredit() async throws {
        let harness = try await ConnectionHarness(limits: Self.limits) { loop in
            StubHandler(eventLoop: loop, attempt: { _ in .wait }) { _, stream throws(BackendError) in
                var count = 0
                while let piece = try await stream.receive() { count += piece.readableBytes }
                return Answer(.echo, payload: ByteBuffer(string: "\(count)"))
            }
        }
        try await harness.hello()
        try await harness.receive(ConnectionHarness.call(1, last: false, .write(Write(path: []))))
        var (stream, connection) = (1000, 4000)
        for _ in 0..<100 {
            stream -= 300
            connection -= 300
            try #require(stream >= 0 && connection >= 0)
            try await harness.receive(ClientFrame(id: 1, last: false, body: .chunk, payload: payload(300)))
            for frame in try await harness.sent() {
                switch frame.body {
                case .window(stream: 1, let bytes): stream += Int(bytes)
                case .window(stream: 0, let bytes): connection += Int(bytes)
                default: Issue.record("\(frame.kind)")
                }
            }
        }
        try await harness.receive(ClientFrame(id: 1, body: .chunk))
        #expect(try await harness.sent().last.map { String(buffer: $0.payload) } == "30000")
    }

    /// Small pieces, each in a large message: what is kept is about what they draw.
    @Test func unreadPiecesNeedNoMoreMemoryThanTheirCredit() async throws {
        let limits = SessionLimits(streamWindow: 100_000, connectionWindow: 100_000)
        let gate = Gate()
        let kept = Mutex<[Int]>([])
        let harness = try await ConnectionHarness(limits: limits) { loop in
            StubHandler(eventLoop: loop, attempt: { _ in .wait }) { _, stream throws(BackendError) in
                await gate.wait()
                while let piece = try await stream.receive() { kept.withLock { $0.append(piece.storageCapacity) } }
                return Answer(.echo)
            }
        }
        try await harness.hello()
        try await harness.receive(ConnectionHarness.call(1, last: false, .write(Write(path: []))))
        for index in 1...2000 {
            var frame = ConnectionHarness.bytes(of: [
                ClientFrame(id: 1, last: index == 2000, body: .chunk, payload: payload(10))
            ])
            // The message stands in a much larger piece of memory, as those of a batch do.
            var large = ByteBufferAllocator().buffer(capacity: 1 << 16)
            large.writeBuffer(&frame)
            try await harness.receive(bytes: large)
        }
        gate.open()
        await harness.loop.run()
        let isAnswered = try await harness.sent().contains { $0.last && $0.id == 1 }
        #expect(isAnswered)
        #expect(kept.withLock { $0.reduce(0, +) } <= 4 * 20_000)
        #expect(kept.withLock { $0.count } <= 3)
    }
}
