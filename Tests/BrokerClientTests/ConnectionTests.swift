import AgentBackend
import BrokerWire
import NIOCore
import NIOEmbedded
import Testing

@testable import BrokerClient

@Suite(.timeLimit(.minutes(1))) struct ConnectionTests {
    typealias Scripted = ScriptedConnection

    private static let refusal = BackendError(.authFailed, message: "unknown token: ask for another")

    // MARK: The hello

    @Test func theHelloSaysWhoAsksAndTheAnswerWhoAnswers() async throws {
        var configuration = BrokerConnection.Configuration()
        configuration.clientName = "tests/1"
        let (handler, channel, broker) = try await Scripted.unopened(configuration)
        async let connecting = BrokerConnection(handler, channel, token: "ab_secret")
        let hello = try #require(try await broker.greet())
        let connection = try await connecting
        #expect(hello == Hello(token: "ab_secret", clientName: "tests/1"))
        #expect(connection.broker == BrokerIdentity(serverVersion: "9.9.9", node: "node-1", org: "acme"))
    }

    @Test(arguments: [
        ServerFrame(id: 0, body: .goAway(GoAway(error: refusal, lastID: 0))),
        ServerFrame(id: 0, body: .error(refusal)),
    ])
    func aRefusalIsWhatConnectingThrows(frame: ServerFrame) async throws {
        let (handler, channel, broker) = try await Scripted.unopened()
        async let connecting = failure { try await BrokerConnection(handler, channel, token: "ab_wrong") }
        _ = try await broker.receive()
        try await broker.send(frame)
        let error = await connecting
        #expect(error?.code == .authFailed)
        #expect(error?.message == Self.refusal.message)
        #expect(!channel.isActive)
    }

    @Test(arguments: [
        ServerFrame(id: 0, body: .ping(nonce: 1)),
        ServerFrame(id: 1, body: .reply(.echo)),
        ServerFrame(id: 0, body: .unknown),
    ])
    func anythingElseBeforeTheGreetingIsNoBroker(frame: ServerFrame) async throws {
        let (handler, channel, broker) = try await Scripted.unopened()
        async let connecting = failure { try await BrokerConnection(handler, channel, token: "t") }
        _ = try await broker.receive()
        try await broker.send(frame)
        #expect(await connecting?.code == .protocolError)
    }

    @Test func anotherVersionIsNotSpoken() async throws {
        let (handler, channel, broker) = try await Scripted.unopened()
        async let connecting = failure { try await BrokerConnection(handler, channel, token: "t") }
        _ = try await broker.receive()
        let reply = HelloReply(
            version: 2,
            serverVersion: "",
            features: [],
            node: "",
            org: "",
            limits: SessionLimits(),
            serverTime: 0
        )
        try await broker.send(ServerFrame(id: 0, body: .helloReply(reply)))
        #expect(await connecting?.code == .protocolError)
    }

    @Test func aBrokerThatHangsUpOnTheHelloIsGone() async throws {
        let (handler, channel, broker) = try await Scripted.unopened()
        async let connecting = failure { try await BrokerConnection(handler, channel, token: "t") }
        _ = try await broker.receive()
        try await channel.close().get()
        let error = await connecting
        #expect(error?.code == .connectionClosed)
        #expect(error?.maybeExecuted == false)
    }

    @Test func aBrokerThatDoesNotAnswerTheHelloIsGivenUp() async throws {
        let (handler, channel, broker) = try await Scripted.unopened()
        async let connecting = failure { try await BrokerConnection(handler, channel, token: "t") }
        _ = try await broker.receive()
        await channel.testingEventLoop.advanceTime(by: .seconds(10))
        #expect(await connecting?.code == .deadlineExceeded)
    }

    @Test func connectingIsCalledOffByCancellation() async throws {
        let (handler, channel, broker) = try await Scripted.unopened()
        let error = await withTaskGroup(of: BackendError?.self) { group in
            group.addTask { await failure { try await BrokerConnection(handler, channel, token: "t") } }
            _ = try? await broker.receive()
            group.cancelAll()
            return await group.next() ?? nil
        }
        #expect(error?.code == .cancelled)
        #expect(!channel.isActive)
    }

    // MARK: Faults

    @Test(
        arguments: [
            [1, 0, 0, 0, 0],  // flags
            [0, 0xff, 0xff, 0xff, 0xff],  // length
            [0, 0, 0, 0, 1, 0xff],  // no message
            Array("HTTP/1.1 400 Bad Request\r\n".utf8),
        ] as [[UInt8]]
    )
    func garbageEndsTheConnectionAndEveryCall(bytes: [UInt8]) async throws {
        let scripted = try await Scripted()
        async let one = failure { try await scripted.connection.stat(.root, on: Scripted.target) }
        async let two = failure { try await scripted.connection.stats() }
        _ = try await scripted.broker.receiveCall()
        _ = try await scripted.broker.receiveCall()
        try await scripted.broker.send(bytes: bytes)
        for error in [await one, await two] {
            #expect(error?.code == .protocolError)
            #expect(error?.maybeExecuted == true)
        }
        let later = await failure { try await scripted.connection.stats() }
        #expect(later?.code == .connectionClosed)
        #expect(later?.isRetryable == true)
    }

    @Test func aFaultIsTold() async throws {
        let scripted = try await Scripted()
        try await scripted.broker.send(.part(7, .echo))
        guard case .goAway(let goAway) = try await scripted.broker.receive().body else {
            Issue.record("no go-away")
            return
        }
        #expect(goAway.error?.code == .protocolError)
    }

    @Test func creditWithoutEndIsAFault() async throws {
        let scripted = try await Scripted()
        try await scripted.broker.send(.window(0, .max))
        #expect(await failure { try await scripted.connection.stats() }?.code == .connectionClosed)
    }

    @Test func aSecondGreetingIsAFault() async throws {
        let scripted = try await Scripted()
        let reply = HelloReply(
            version: 1,
            serverVersion: "",
            features: [],
            node: "",
            org: "",
            limits: SessionLimits(),
            serverTime: 0
        )
        try await scripted.broker.send(ServerFrame(id: 0, body: .helloReply(reply)))
        #expect(await failure { try await scripted.connection.stats() }?.code == .connectionClosed)
    }

    // MARK: Loss

    @Test func aLostConnectionFailsWhatWasSentAndWhatWasNot() async throws {
        let scripted = try await Scripted(limits: SessionLimits(maximumCallsInFlight: 1))
        async let sent = failure { try await scripted.connection.stats() }
        _ = try await scripted.broker.receiveCall()
        async let queued = failure { try await scripted.connection.stats() }
        await scripted.untilCallsPending(2)
        try await scripted.lose()
        let errors = [await sent, await queued]
        #expect(errors.map { $0?.code } == [.connectionClosed, .connectionClosed])
        #expect(errors.map { $0?.maybeExecuted } == [true, false])
        #expect(errors.map { $0?.isRetryable } == [false, true])
        #expect(errors.map { $0?.operation } == ["stats", "stats"])
    }

    @Test func aLostConnectionEndsAStreamAfterWhatArrived() async throws {
        let scripted = try await Scripted()
        async let opening = scripted.connection.openReader(.root, on: Scripted.target)
        let id = try await scripted.broker.receiveCall().id
        try await scripted.broker.send(.part(id, .read(.file(size: 9)), ByteBuffer(string: "abc"), last: false))
        let reader = try await opening
        try await scripted.lose()
        #expect(try await reader.next() == ByteBuffer(string: "abc"))
        #expect(await failure { try await reader.next() }?.code == .connectionClosed)
    }

    @Test func aLostConnectionEndsAWriterThatWaits() async throws {
        let scripted = try await Scripted(limits: SessionLimits(streamWindow: 10))
        let (pieces, source) = AsyncStream.makeStream(of: ByteBuffer.self)
        source.yield(ByteBuffer(repeating: 1, count: 100))
        async let writing = failure {
            try await scripted.connection.write(.root, contents: pieces, on: Scripted.target)
        }
        while try await scripted.broker.receiveCall().payload.readableBytes < 10 {}
        try await scripted.lose()
        #expect(await writing?.code == .connectionClosed)
    }

    @Test func closingFailsWhatIsUnanswered() async throws {
        let scripted = try await Scripted()
        async let call = failure { try await scripted.connection.stats() }
        _ = try await scripted.broker.receiveCall()
        await scripted.connection.close()
        let error = await call
        #expect(error?.code == .connectionClosed)
        #expect(error?.maybeExecuted == true)
        await scripted.connection.close()
        #expect(await failure { try await scripted.connection.stats() }?.code == .connectionClosed)
    }

    @Test func aConnectionThatIsLetGoIsClosed() async throws {
        var scripted: Scripted? = try await Scripted()
        let channel = try #require(scripted?.channel)
        scripted = nil
        try await channel.closeFuture.get()
        #expect(!channel.isActive)
    }

    // MARK: Keep-alive

    @Test func aPingIsAnswered() async throws {
        let scripted = try await Scripted()
        try await scripted.broker.send(ServerFrame(id: 0, body: .ping(nonce: 77)))
        guard case .pong(let nonce) = try await scripted.broker.receive().body else {
            Issue.record("no pong")
            return
        }
        #expect(nonce == 77)
    }

    @Test func aSilentBrokerIsAskedAndThenGivenUp() async throws {
        let scripted = try await Scripted(limits: SessionLimits(keepaliveInterval: .seconds(30)))
        async let call = failure { try await scripted.connection.stats() }
        _ = try await scripted.broker.receiveCall()
        // In an interval in which something came the broker is not asked: here it was its greeting.
        await scripted.advance(by: .seconds(30))
        for nonce: UInt64 in 1...2 {
            await scripted.advance(by: .seconds(30))
            #expect(try await scripted.broker.receive().pingNonce == nonce)
        }
        try await scripted.broker.send(ServerFrame(id: 0, body: .pong(nonce: 2)))
        await scripted.advance(by: .seconds(30))
        for nonce: UInt64 in 3...5 {
            await scripted.advance(by: .seconds(30))
            #expect(try await scripted.broker.receive().pingNonce == nonce)
        }
        await scripted.advance(by: .seconds(30))
        let error = await call
        #expect(error?.code == .connectionClosed)
        #expect((error?.cause as? BackendError)?.code == .deadlineExceeded)
    }

    // MARK: Go-away

    @Test func aGoAwayFailsCallsAboveItsIDAndLetsOthersGoOn() async throws {
        let scripted = try await Scripted()
        async let one = scripted.connection.stat(.root, on: Scripted.target)
        #expect(try await scripted.broker.receiveCall().id == 1)
        async let two = failure { try await scripted.connection.stats() }
        #expect(try await scripted.broker.receiveCall().id == 2)
        try await scripted.broker.send(ServerFrame(id: 0, body: .goAway(GoAway(error: nil, lastID: 1))))
        let error = await two
        #expect(error?.code == .shuttingDown)
        #expect(error?.isRetryable == true)
        #expect(error?.maybeExecuted == false)
        let later = await failure { try await scripted.connection.stats() }
        #expect(later?.code == .shuttingDown)
        #expect(scripted.channel.isActive)
        try await scripted.broker.send(.part(1, .stat(.file(size: 5))))
        let oneAnswer = try await one
        #expect(oneAnswer.size == 5)
        try await scripted.channel.closeFuture.get()
    }

    @Test func aGoAwayFailsWhatWaitsForItsTurn() async throws {
        let scripted = try await Scripted(limits: SessionLimits(maximumCallsInFlight: 1))
        async let one = scripted.connection.stat(.root, on: Scripted.target)
        _ = try await scripted.broker.receiveCall()
        async let two = failure { try await scripted.connection.stats() }
        await scripted.untilCallsPending(2)
        try await scripted.broker.send(ServerFrame(id: 0, body: .goAway(GoAway(error: nil, lastID: 9))))
        #expect(await two?.code == .shuttingDown)
        try await scripted.broker.send(.part(1, .stat(.file(size: 5))))
        let oneAnswer = try await one
        #expect(oneAnswer.size == 5)
    }

    @Test func aGoAwayForAFaultIsTheCauseOfWhatFollows() async throws {
        let scripted = try await Scripted()
        async let one = failure { try await scripted.connection.stats() }
        _ = try await scripted.broker.receiveCall()
        let fault = BackendError(.protocolError, message: "what is this?")
        try await scripted.broker.send(ServerFrame(id: 0, body: .goAway(GoAway(error: fault, lastID: 1))))
        try await scripted.lose()
        let error = await one
        #expect(error?.code == .connectionClosed)
        #expect((error?.cause as? BackendError)?.message == "what is this?")
    }

    @Test func anIdleConnectionIsClosedAfterAGoAway() async throws {
        let scripted = try await Scripted()
        try await scripted.broker.send(ServerFrame(id: 0, body: .goAway(GoAway(error: nil, lastID: 0))))
        try await scripted.channel.closeFuture.get()
    }
}
