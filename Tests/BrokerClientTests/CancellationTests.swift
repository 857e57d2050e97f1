import AgentBackend
import BrokerWire
import NIOCore
import NIOEmbedded
import Testing

@testable import BrokerClient

@Suite(.timeLimit(.minutes(1))) struct CancellationTests {
    typealias Scripted = ScriptedConnection

    private static let stopped = BackendError(.cancelled, message: "stopped", operation: "stat")

    /// Starts a call in a task of its own, runs `script` with its id and the way to cancel it, returns what it threw.
    private func outcome<Value: Sendable>(
        _ scripted: Scripted,
        of call: @escaping @Sendable () async throws -> Value,
        _ script: (_ id: UInt64, _ cancel: () -> Void) async throws -> Void
    ) async throws -> Result<Value, any Error> {
        try await withThrowingTaskGroup(of: Result<Value, any Error>.self) { group in
            group.addTask {
                do {
                    return .success(try await call())
                } catch {
                    return .failure(error)
                }
            }
            try await script(try await scripted.broker.receiveCall().id) { group.cancelAll() }
            return try #require(try await group.next())
        }
    }

    private func code(_ result: Result<some Sendable, any Error>) -> BackendError.Code? {
        if case .failure(let error) = result { (error as? BackendError)?.code } else { nil }
    }

    @Test func aCancelledTaskWaitsUntilTheCallIsStopped() async throws {
        let scripted = try await Scripted()
        let result = try await outcome(scripted) {
            try await scripted.connection.stat(.root, on: Scripted.target)
        } _: { id, cancel in
            cancel()
            #expect(try await scripted.broker.receive().cancelled == id)
            #expect(await scripted.onLoop { $0.calls.count } == 1, "it waits")
            try await scripted.broker.send(.failure(id, Self.stopped))
        }
        #expect(code(result) == .cancelled)
        await scripted.untilCallsPending(0)
    }

    @Test func anAnswerThatCrossedTheCancelIsTheAnswer() async throws {
        let scripted = try await Scripted()
        let result = try await outcome(scripted) {
            try await scripted.connection.stat(.root, on: Scripted.target)
        } _: { id, cancel in
            cancel()
            _ = try await scripted.broker.receive()
            try await scripted.broker.send(.part(id, .stat(.file(size: 3))))
        }
        #expect(try result.get().size == 3)
    }

    @Test func aStreamThatWasCutIsNoAnswer() async throws {
        let scripted = try await Scripted()
        let result = try await outcome(scripted) {
            try await scripted.connection.read(.root, on: Scripted.target)
        } _: { id, cancel in
            cancel()
            _ = try await scripted.broker.receive()
            try await scripted.broker.send(.part(id, .read(.file(size: 6)), ByteBuffer(string: "abc"), last: false))
            try await scripted.broker.send(.part(id, nil, ByteBuffer(string: "def")))
        }
        #expect(code(result) == .cancelled)
    }

    @Test func theWaitForTheConfirmationIsBounded() async throws {
        let scripted = try await Scripted(limits: SessionLimits(keepaliveInterval: .zero))
        let result = try await outcome(scripted) {
            try await scripted.connection.stat(.root, on: Scripted.target)
        } _: { _, cancel in
            cancel()
            _ = try await scripted.broker.receive()
            await scripted.advance(by: .seconds(15))
        }
        #expect(code(result) == .deadlineExceeded)
        // Its answer comes late, and harms nobody.
        #expect(await scripted.onLoop { $0.calls.count } == 1)
        try await scripted.broker.send(.part(1, .stat(.file(size: 3))))
        await scripted.untilCallsPending(0)
    }

    @Test func whatIsCancelledBeforeItsTurnIsNeverSent() async throws {
        let scripted = try await Scripted(limits: SessionLimits(maximumCallsInFlight: 1))
        async let first = scripted.connection.stat(.root, on: Scripted.target)
        #expect(try await scripted.broker.receiveCall().id == 1)
        let error = await withTaskGroup(of: BackendError?.self) { group in
            group.addTask { await failure { try await scripted.connection.stats() } }
            await scripted.untilCallsPending(2)
            group.cancelAll()
            return await group.next() ?? nil
        }
        #expect(error?.code == .cancelled)
        #expect(error?.maybeExecuted == false)
        async let third = scripted.connection.stats()
        await scripted.untilCallsPending(2)
        try await scripted.broker.send(.part(1, .stat(.file(size: 3))))
        _ = try await first
        #expect(try await scripted.broker.receiveCall().id == 3)
        try await scripted.broker.send(.part(3, .stats(StatsReply())))
        _ = try await third
    }

    @Test func aTaskThatIsCancelledAlreadySendsNothing() async throws {
        let scripted = try await Scripted()
        let error = await withTaskGroup(of: BackendError?.self) { group in
            group.cancelAll()
            group.addTask { await failure { try await scripted.connection.stats() } }
            return await group.next() ?? nil
        }
        #expect(error?.code == .cancelled)
        #expect(await scripted.onLoop { $0.calls.isEmpty })
    }

    @Test func aLossWhileTheConfirmationIsAwaitedEndsTheWait() async throws {
        let scripted = try await Scripted()
        let result = try await outcome(scripted) {
            try await scripted.connection.stat(.root, on: Scripted.target)
        } _: { _, cancel in
            cancel()
            _ = try await scripted.broker.receive()
            try await scripted.lose()
        }
        #expect(code(result) == .connectionClosed)
    }

    @Test func aReaderThatIsLetGoCancelsItsCallAndGivesBackItsCredit() async throws {
        let scripted = try await Scripted(limits: SessionLimits(streamWindow: 1000, connectionWindow: 1000))
        var opened: BrokerFileReader?
        do {
            async let opening = scripted.connection.openReader(.root, on: Scripted.target)
            let id = try await scripted.broker.receiveCall().id
            try await scripted.broker.send(.part(id, .read(.file(size: 9)), ByteBuffer(string: "abc"), last: false))
            opened = try await opening
        }
        #expect(opened?.info.size == 9)
        try await scripted.broker.send(.part(1, nil, ByteBuffer(repeating: 0, count: 600), last: false))
        opened = nil
        var frames: [ClientFrame] = [try await scripted.broker.receive(), try await scripted.broker.receive()]
        frames.sort { $0.cancelled != nil && $1.cancelled == nil }
        #expect(frames[0].cancelled == 1)
        #expect(frames[1].window?.stream == 0)
        #expect((frames[1].window?.bytes ?? 0) >= 600)
        try await scripted.broker.send(.part(1, nil, ByteBuffer(repeating: 0, count: 500)))
        await scripted.untilCallsPending(0)
        #expect(try await scripted.broker.receive().window?.bytes == 500)
    }

    @Test func aReaderThatIsLetGoAfterTheEndOfItsCallGivesBackWhatItLeft() async throws {
        let scripted = try await Scripted(limits: SessionLimits(streamWindow: 1000, connectionWindow: 1000))
        var opened: BrokerFileReader?
        do {
            async let opening = scripted.connection.openReader(.root, on: Scripted.target)
            let id = try await scripted.broker.receiveCall().id
            try await scripted.broker.send(.part(id, .read(.file(size: 9)), last: false))
            opened = try await opening
        }
        #expect(opened != nil)
        try await scripted.broker.send(.part(1, nil, ByteBuffer(repeating: 0, count: 600)))
        await scripted.untilCallsPending(0)
        opened = nil
        #expect(try await scripted.broker.receive().window?.bytes == 600)
    }

    @Test func closingAReaderWaitsForTheEndOfItsCall() async throws {
        let scripted = try await Scripted()
        async let opening = scripted.connection.openReader(.root, on: Scripted.target)
        let id = try await scripted.broker.receiveCall().id
        try await scripted.broker.send(.part(id, .read(.file(size: 9)), ByteBuffer(string: "abc"), last: false))
        let reader = try await opening
        async let closing: Void = reader.close()
        #expect(try await scripted.broker.receive().cancelled == id)
        try await scripted.broker.send(.failure(id, Self.stopped))
        await closing
        await reader.close()
        #expect(await failure { try await reader.next() }?.code == .cancelled)
    }

    @Test func aSourceThatFailsLeavesTheFileAsItWas() async throws {
        struct SourceFailure: Error {}
        let scripted = try await Scripted()
        let (pieces, source) = AsyncThrowingStream.makeStream(of: ByteBuffer.self, throwing: (any Error).self)
        source.yield(ByteBuffer(string: "abc"))
        async let writing = failure {
            try await scripted.connection.write(.root, contents: pieces, on: Scripted.target)
        }
        var received = ""
        while received != "abc" {
            let frame = try await scripted.broker.receiveCall()
            received += String(buffer: frame.payload)
            #expect(!frame.last)
        }
        source.finish(throwing: SourceFailure())
        #expect(try await scripted.broker.receive().cancelled == 1)
        try await scripted.broker.send(.failure(1, Self.stopped))
        let error = await writing
        #expect(error?.code == .writeFailed)
        #expect(error?.cause is SourceFailure)
    }

    @Test func aCancelledWriterDoesNotCommitWhatItHasWritten() async throws {
        let scripted = try await Scripted()
        let (pieces, source) = AsyncStream.makeStream(of: ByteBuffer.self)
        source.yield(ByteBuffer(string: "abc"))
        let result = try await outcome(scripted) {
            try await scripted.connection.write(.root, contents: pieces, on: Scripted.target)
        } _: { id, cancel in
            // A stream ends, and does not throw, when its reader is cancelled.
            cancel()
            var frame = try await scripted.broker.receive()
            while frame.cancelled == nil {
                #expect(!frame.last, "nothing may take effect")
                frame = try await scripted.broker.receive()
            }
            try await scripted.broker.send(.failure(id, Self.stopped))
        }
        #expect(code(result) == .cancelled)
    }

    // MARK: Deadlines

    @Test func theBrokerKeepsTheDeadlineAndIsGivenTimeForIt() async throws {
        let scripted = try await Scripted(limits: SessionLimits(keepaliveInterval: .zero))
        let options = BrokerCallOptions(deadline: .seconds(2))
        async let call = failure { try await scripted.connection.stats(call: options) }
        _ = try await scripted.broker.receiveCall()
        await scripted.advance(by: .seconds(3))
        #expect(await scripted.onLoop { $0.calls.count } == 1)
        try await scripted.broker.send(.failure(1, BackendError(.deadlineExceeded, message: "by the broker")))
        #expect(await call?.message == "by the broker")
    }

    @Test func aBrokerThatForgetsTheDeadlineIsNotWaitedForForEver() async throws {
        let scripted = try await Scripted(limits: SessionLimits(keepaliveInterval: .zero))
        let options = BrokerCallOptions(deadline: .seconds(2))
        async let call = failure { try await scripted.connection.stats(call: options) }
        _ = try await scripted.broker.receiveCall()
        await scripted.advance(by: .seconds(17))
        let error = await call
        #expect(error?.code == .deadlineExceeded)
        #expect(error?.maybeExecuted == true)
        #expect(try await scripted.broker.receive().cancelled == 1)
    }

    @Test func theDeadlineHoldsForTheQueueToo() async throws {
        let scripted = try await Scripted(limits: SessionLimits(maximumCallsInFlight: 1, keepaliveInterval: .zero))
        async let first = scripted.connection.stats()
        _ = try await scripted.broker.receiveCall()
        let options = BrokerCallOptions(deadline: .seconds(2))
        async let second = failure { try await scripted.connection.stats(call: options) }
        await scripted.untilCallsPending(2)
        await scripted.advance(by: .seconds(2))
        let error = await second
        #expect(error?.code == .deadlineExceeded)
        #expect(error?.maybeExecuted == false)
        try await scripted.broker.send(.part(1, .stats(StatsReply())))
        _ = try await first
    }
}
