import AgentBackend
import BrokerWire
import NIOCore
import NIOEmbedded
import Testing

@testable import BrokerClient

/// What becomes of the calls that a lost connection leaves behind, and of those that come before the next one.
@Suite(.timeLimit(.minutes(1))) struct ResendTests {
    private static let oneAtATime = SessionLimits(maximumCallsInFlight: 1, keepaliveInterval: .zero)
    private static let noPings = SessionLimits(keepaliveInterval: .zero)

    private func goAway(_ lastID: UInt64) -> ServerFrame {
        ServerFrame(id: 0, body: .goAway(GoAway(error: nil, lastID: lastID)))
    }

    /// The path of the file that a call is about.
    private func path(_ frame: ClientFrame) -> String {
        switch frame.operation {
        case .touch(let touch): String(decoding: touch.path, as: UTF8.self)
        case .stat(let stat): String(decoding: stat.path, as: UTF8.self)
        default: ""
        }
    }

    @Test func callsThatWereNeverSentAreSentAgainInOrder() async throws {
        let scripted = try ScriptedBackend()
        let first = try await scripted.connect(Self.oneAtATime)
        let names = ["b", "c", "d", "e"]
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                let error = await failure { try await scripted.backend.touch("a") }
                #expect(error?.code == .connectionClosed)
                #expect(error?.maybeExecuted == true)
                #expect(error?.isRetryable == false)
            }
            #expect(path(try await first.peer.receiveCall()) == "a")
            for (index, name) in names.enumerated() {
                group.addTask { _ = try await scripted.backend.touch(name) }
                await scripted.untilPending(index + 2)
            }
            try await first.lose()
            await scripted.untilWaiting(4)
            let second = try await scripted.reconnect(Self.oneAtATime)
            for name in names {
                #expect(path(try await second.answer(.touch(.file(size: 0)))) == name)
            }
            try await group.waitForAll()
        }
    }

    @Test func aGoAwaySendsWhatTheBrokerNeverBeganElsewhere() async throws {
        let scripted = try ScriptedBackend()
        let first = try await scripted.connect()
        async let begun = scripted.backend.touch("begun")
        _ = try await first.peer.receiveCall()
        async let notBegun = scripted.backend.touch("not begun")
        _ = try await first.peer.receiveCall()
        try await first.peer.send(goAway(1))
        await scripted.untilWaiting(1)
        let change = await scripted.statuses.next(through: .reconnecting)
        #expect(change == [.connecting, .connected, .disconnected, .reconnecting])
        let second = try await scripted.reconnect()
        #expect(path(try await second.answer(.touch(.file(size: 0)))) == "not begun")
        _ = try await notBegun
        // What was begun goes on where it is.
        #expect(first.channel.isActive)
        try await first.peer.send(.part(1, .touch(.file(size: 0))))
        _ = try await begun
        try await first.channel.closeFuture.get()
        #expect(scripted.backend.status == .connected)
    }

    @Test func theBytesOfAWriteAreSentAgainFromTheirStart() async throws {
        let scripted = try ScriptedBackend()
        let limits = SessionLimits(streamWindow: 4, keepaliveInterval: .zero)
        let first = try await scripted.connect(limits)
        async let written = scripted.backend.write("x", "abcdefgh")
        #expect(try await first.peer.receiveCall().payload == ByteBuffer(string: "abcd"))
        try await first.peer.send(goAway(0))
        await scripted.untilWaiting(1)
        let second = try await scripted.reconnect()
        let frame = try await second.answer(.write(.file(size: 8)))
        #expect(frame.payload == ByteBuffer(string: "abcdefgh"))
        #expect(frame.last)
        #expect(try await written.size == 8)
    }

    @Test func aWriterKeepsItsPiecesUntilThereIsAConnection() async throws {
        let scripted = try ScriptedBackend()
        let first = try await scripted.connect(Self.oneAtATime)
        async let lost = failure { try await scripted.backend.touch("a") }
        _ = try await first.peer.receiveCall()
        let writer = try await scripted.backend.openWriter(WorkspacePath("w"), options: WriteOptions())
        await scripted.untilPending(2)
        async let writing: Void = writer.write(ByteBuffer(string: "piece"))
        try await first.lose()
        _ = await lost
        await scripted.untilWaiting(1)
        let second = try await scripted.reconnect(Self.oneAtATime)
        var text = String(buffer: try await second.peer.receiveCall().payload)
        if text.isEmpty { text = String(buffer: try await second.peer.receiveCall().payload) }
        #expect(text == "piece")
        try await writing
        async let info = writer.commit()
        #expect(try await second.peer.receiveCall().last)
        try await second.peer.send(.part(1, .write(.file(size: 5))))
        #expect(try await info.size == 5)
    }

    @Test func aWriterWhosePiecesWereSentFails() async throws {
        let scripted = try ScriptedBackend()
        let first = try await scripted.connect()
        let writer = try await scripted.backend.openWriter(WorkspacePath("w"), options: WriteOptions())
        try await writer.write(ByteBuffer(string: "piece"))
        while try await first.peer.receiveCall().payload.readableBytes == 0 {}
        try await first.peer.send(goAway(0))
        let error = await failure { try await writer.commit() }
        #expect(error?.code == .shuttingDown)
        #expect(error?.isRetryable == true)
        #expect(error?.maybeExecuted == false)
    }

    // MARK: Reads

    @Test func readsAreRepeatedWhereThePolicySaysSo() async throws {
        let scripted = try ScriptedBackend { $0.resend = .reads }
        let first = try await scripted.connect()
        async let read = scripted.backend.stat("read")
        _ = try await first.peer.receiveCall()
        async let changed = failure { try await scripted.backend.touch("changed") }
        _ = try await first.peer.receiveCall()
        try await first.lose()
        #expect(await changed?.maybeExecuted == true)
        let second = try await scripted.reconnect()
        #expect(path(try await second.answer(.stat(.file(size: 3)))) == "read")
        #expect(try await read.size == 3)
    }

    @Test func readsFailByDefault() async throws {
        let scripted = try ScriptedBackend()
        let first = try await scripted.connect()
        async let read = failure { try await scripted.backend.stat("read") }
        _ = try await first.peer.receiveCall()
        try await first.lose()
        let error = await read
        #expect(error?.code == .connectionClosed)
        #expect(error?.maybeExecuted == true)
    }

    @Test func aFileOfWhichSomethingWasReadIsNotReadAgain() async throws {
        let scripted = try ScriptedBackend { $0.resend = .reads }
        let first = try await scripted.connect()
        async let opening = scripted.backend.openReader(WorkspacePath("x"), range: .all)
        _ = try await first.peer.receiveCall()
        try await first.peer.send(.part(1, .read(.file(size: 9)), ByteBuffer(string: "abc"), last: false))
        let reader = try await opening
        try await first.lose()
        #expect(try await reader.read(upTo: 9) == ByteBuffer(string: "abc"))
        let error = await failure { try await reader.read(upTo: 9) }
        #expect(error?.code == .connectionClosed)
    }

    @Test func aReadThatEndsEveryConnectionIsGivenUp() async throws {
        let scripted = try ScriptedBackend { $0.resend = .reads }
        async let read = failure { try await scripted.backend.stat("poison") }
        var broker = try await scripted.connector.nextAttempt().greet()
        for _ in 1...3 {
            _ = try await broker.peer.receiveCall()
            try await broker.lose()
            broker = try await scripted.reconnect()
        }
        _ = try await broker.peer.receiveCall()
        try await broker.lose()
        #expect(await read?.code == .connectionClosed)
    }

    // MARK: Waiting

    @Test func timeGoesOnForACallThatWaits() async throws {
        let scripted = try ScriptedBackend { $0.operationTimeout = .seconds(10) }
        async let late = failure { try await scripted.backend.touch("x") }
        _ = try await scripted.connector.nextAttempt()
        await scripted.untilWaiting(1)
        await scripted.connector.advance(by: .seconds(10))
        let error = await late
        #expect(error?.code == .deadlineExceeded)
        #expect(error?.maybeExecuted == false)
        #expect(error?.isRetryable == true)
    }

    @Test func theBrokerIsToldWhatTimeIsLeft() async throws {
        let scripted = try ScriptedBackend { $0.operationTimeout = .seconds(10) }
        async let touched = scripted.backend.touch("x")
        let attempt = try await scripted.connector.nextAttempt()
        await scripted.untilWaiting(1)
        await scripted.connector.advance(by: .seconds(4))
        let frame = try await attempt.greet().answer(.touch(.file(size: 0)))
        #expect(frame.options.deadline == .seconds(6))
        _ = try await touched
    }

    @Test func noMoreCallsWaitThanMay() async throws {
        let scripted = try ScriptedBackend { $0.maximumWaitingCalls = 2 }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 1...2 {
                group.addTask { _ = try await scripted.backend.touch("x") }
                await scripted.untilWaiting(index)
            }
            let error = await failure { try await scripted.backend.touch("x") }
            #expect(error?.code == .resourceExhausted)
            #expect(error?.limit == LimitDetails(name: "waiting_calls", used: 2, allowed: 2))
            let broker = try await scripted.connector.nextAttempt().greet()
            for _ in 1...2 { try await broker.answer(.touch(.file(size: 0))) }
            try await group.waitForAll()
        }
    }

    @Test func aCallThatWaitsIsCancelled() async throws {
        let scripted = try ScriptedBackend()
        let error = await withTaskGroup(of: BackendError?.self) { group in
            group.addTask { await failure { try await scripted.backend.touch("x") } }
            await scripted.untilWaiting(1)
            group.cancelAll()
            return await group.next() ?? nil
        }
        #expect(error?.code == .cancelled)
        #expect(error?.maybeExecuted == false)
        await scripted.untilWaiting(0)
    }

    // MARK: Leases

    @Test func anEntryWithAConfigurationIsLeasedOnEachConnection() async throws {
        let environment = try Environment(["A": "1"])
        let scripted = try ScriptedBackend { $0.entry = EntryConfiguration(environment: environment) }
        for lease: UInt64 in [41, 42] {
            async let touched = scripted.backend.touch("x")
            if lease > 41 { await scripted.connector.advance(by: .seconds(1)) }
            let broker = try await scripted.connector.nextAttempt().greet()
            let acquire = try await broker.answer(.acquire(AcquireReply(lease: lease, created: true)))
            guard case .acquire(let asked) = acquire.operation else {
                Issue.record("\(acquire.body)")
                return
            }
            #expect(asked.configuration?.environment == environment)
            let frame = try await broker.answer(.touch(.file(size: 0)))
            #expect(frame.target?.lease == lease)
            _ = try await touched
            try await broker.lose()
            _ = await scripted.statuses.next(through: .reconnecting)
        }
    }

    @Test func anEntryWithAnotherConfigurationIsAConflict() async throws {
        let scripted = try ScriptedBackend { $0.entry = EntryConfiguration(logMode: .verbose) }
        async let touched = failure { try await scripted.backend.touch("x") }
        let broker = try await scripted.connector.nextAttempt().greet()
        let id = try await broker.peer.receiveCall().id
        try await broker.peer.send(.failure(id, BackendError(.conflict, message: "it has another")))
        #expect(await touched?.code == .conflict)
        try await broker.channel.closeFuture.get()
        #expect(scripted.backend.status == .disconnected)
    }

    @Test func aConnectionThatIsLostOverItsLeaseIsTriedAgain() async throws {
        let scripted = try ScriptedBackend { $0.entry = EntryConfiguration(logMode: .verbose) }
        let first = try await scripted.connectWithLease(1)
        try await first.lose()
        async let touched = scripted.backend.touch("x")
        await scripted.untilWaiting(1)
        let second = try await scripted.reconnect()
        _ = try await second.peer.receiveCall()
        try await second.lose()
        let third = try await scripted.reconnect(after: .seconds(2))
        try await third.answer(.acquire(AcquireReply(lease: 3, created: true)))
        #expect(try await third.answer(.touch(.file(size: 0))).target?.lease == 3)
        _ = try await touched
    }
}

extension ScriptedBackend {
    fileprivate func connectWithLease(_ lease: UInt64) async throws -> ScriptedBroker {
        async let connecting: Void = backend.connect()
        let broker = try await connector.nextAttempt().greet()
        try await broker.answer(.acquire(AcquireReply(lease: lease, created: true)))
        try await connecting
        return broker
    }
}
