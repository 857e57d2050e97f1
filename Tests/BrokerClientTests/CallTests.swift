import AgentBackend
import BrokerWire
import NIOCore
import Testing

@testable import BrokerClient

@Suite(.timeLimit(.minutes(1))) struct CallTests {
    typealias Scripted = ScriptedConnection

    @Test func answersComeInAnyOrder() async throws {
        let scripted = try await Scripted()
        let count = 50
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<count {
                group.addTask {
                    let payload = ByteBuffer(integer: index)
                    let echoed = try await scripted.connection.echo(payload, on: Scripted.target)
                    #expect(echoed == payload)
                }
            }
            var frames: [ClientFrame] = []
            for _ in 0..<count { frames.append(try await scripted.broker.receiveCall()) }
            #expect(frames.map(\.id) == Array(1...UInt64(count)), "ids grow in the order sent")
            for frame in frames.shuffled() { try await scripted.broker.send(.part(frame.id, .echo, frame.payload)) }
            try await group.waitForAll()
        }
        await scripted.untilCallsPending(0)
    }

    @Test func aCallSaysWhatItWorksOnAndHow() async throws {
        let scripted = try await Scripted()
        let target = BrokerTarget(backend: .memory, key: "agent-1", scope: try WorkspacePath("a/b"), lease: 7)
        let options = BrokerCallOptions(deadline: .seconds(5), queueDeadline: .milliseconds(30), lane: 3)
        async let call = scripted.connection.rm(
            try WorkspacePath("/workspace/x"),
            options: RemoveOptions(recursive: true),
            on: target,
            call: options
        )
        let frame = try await scripted.broker.receiveCall()
        try await scripted.broker.send(.part(frame.id, .rm))
        try await call
        #expect(frame.target == Target(backend: .memory, key: "agent-1", scopePath: Array("a/b".utf8), lease: 7))
        #expect(frame.last)
        #expect(frame.options.lane == 3)
        #expect(frame.options.deadline == .seconds(5))
        #expect(frame.options.queueDeadline == .milliseconds(30))
        let features: [Feature] = [.lanes, .callDeadline, .queueDeadline]
        #expect(frame.options.special?.requires == features.map(\.rawValue))
        guard case .rm(let rm) = frame.operation else {
            Issue.record("\(frame.body)")
            return
        }
        #expect(rm == Rm(path: Array("x".utf8), options: RemoveOptions(recursive: true)))
    }

    @Test func anErrorIsThrownAsItCame() async throws {
        let scripted = try await Scripted()
        async let call = failure { try await scripted.connection.stat(.root, on: Scripted.target) }
        let id = try await scripted.broker.receiveCall().id
        let limit = LimitDetails(name: "entries", used: 3, allowed: 2)
        let sent = BackendError(
            .resourceExhausted,
            reason: .busy,
            systemErrno: 16,
            message: "wait",
            operation: "stat",
            isRetryable: true,
            retryAfter: .milliseconds(250),
            limit: limit
        )
        try await scripted.broker.send(.failure(id, sent))
        let error = await call
        #expect(error?.code == .resourceExhausted)
        #expect(error?.reason == .busy)
        #expect(error?.systemErrno == 16)
        #expect(error?.operation == "stat")
        #expect(error?.isRetryable == true)
        #expect(error?.retryAfter == .milliseconds(250))
        #expect(error?.limit == limit)
    }

    @Test func anAnswerToAnotherQuestionIsAFaultOfThatCallAlone() async throws {
        let scripted = try await Scripted()
        async let one = failure { try await scripted.connection.stat(.root, on: Scripted.target) }
        let id = try await scripted.broker.receiveCall().id
        try await scripted.broker.send(.part(id, .rm))
        #expect(await one?.code == .protocolError)
        try await expectWorks(scripted)
    }

    @Test func anAnswerOfANewerBrokerIsAFaultOfThatCallAlone() async throws {
        let scripted = try await Scripted()
        async let one = failure { try await scripted.connection.stat(.root, on: Scripted.target) }
        let id = try await scripted.broker.receiveCall().id
        try await scripted.broker.send(ServerFrame(id: id, body: .unknown))
        #expect(await one?.code == .protocolError)
        try await expectWorks(scripted)
    }

    @Test func aPartThatCannotBeUnpackedFailsItsCallWhichIsThenStopped() async throws {
        let scripted = try await Scripted()
        async let one = failure { try await scripted.connection.openReader(.root, on: Scripted.target) }
        let id = try await scripted.broker.receiveCall().id
        // Field 1 (id), then field 48 (read_reply) with a message in it that is none.
        try await scripted.broker.send(bytes: [0, 0, 0, 0, 6, 0x08, UInt8(id), 0x82, 0x03, 0x01, 0x0a])
        #expect(await one?.code == .protocolError)
        #expect(try await scripted.broker.receive().cancelled == id)
        try await scripted.broker.send(.part(id, nil, ByteBuffer(string: "late"), last: false))
        try await scripted.broker.send(.failure(id, BackendError(.cancelled, message: "stopped")))
        try await expectWorks(scripted)
        await scripted.untilCallsPending(0)
    }

    @Test func moreCallsThanTheBrokerTakesWaitForTheirTurn() async throws {
        let scripted = try await Scripted(limits: SessionLimits(maximumCallsInFlight: 2))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 1...5 {
                group.addTask { _ = try await scripted.connection.stats() }
            }
            await scripted.untilCallsPending(5)
            var open: [UInt64] = []
            for answered in 0..<5 {
                while open.count < 2, answered + open.count < 5 {
                    open.append(try await scripted.broker.receiveCall().id)
                }
                #expect(await scripted.sentCalls == open.count)
                try await scripted.broker.send(.part(open.removeLast(), .stats(StatsReply())))
            }
            try await group.waitForAll()
        }
    }

    @Test func whatCannotBeSentIsRefusedAndTheConnectionLives() async throws {
        let scripted = try await Scripted(limits: SessionLimits(maximumHeadLength: 2000, streamWindow: 1000))
        let long = BrokerTarget(key: String(repeating: "k", count: 2000))
        let head = await failure { try await scripted.connection.stat(.root, on: long) }
        #expect(head?.code == .invalidArgument)
        #expect(head?.reason == .tooLarge)
        #expect(head?.operation == "stat")
        let payload = ByteBuffer(repeating: 0, count: 1001)
        let echo = await failure { try await scripted.connection.echo(payload, on: Scripted.target) }
        #expect(echo?.limit == LimitDetails(name: "payload_bytes", used: 1001, allowed: 1000))
        try await expectWorks(scripted)
    }

    @Test func anEchoWaitsForCreditAndThenGoesWhole() async throws {
        let scripted = try await Scripted(limits: SessionLimits(streamWindow: 100, connectionWindow: 150))
        let payload = ByteBuffer(repeating: 5, count: 100)
        async let one = scripted.connection.echo(payload, on: Scripted.target)
        let first = try await scripted.broker.receiveCall()
        async let two = scripted.connection.echo(payload, on: Scripted.target)
        await scripted.untilCallsPending(2)
        #expect(await scripted.sentCalls == 1)
        try await scripted.broker.send(.window(0, 50))
        let second = try await scripted.broker.receiveCall()
        #expect(second.payload.readableBytes == 100)
        for frame in [first, second] { try await scripted.broker.send(.part(frame.id, .echo, frame.payload)) }
        let oneAnswer = try await one
        #expect(oneAnswer == payload)
        let twoAnswer = try await two
        #expect(twoAnswer == payload)
    }

    private func expectWorks(_ scripted: Scripted) async throws {
        async let call = scripted.connection.stats()
        try await scripted.broker.send(.part(try await scripted.broker.receiveCall().id, .stats(StatsReply())))
        _ = try await call
    }
}
