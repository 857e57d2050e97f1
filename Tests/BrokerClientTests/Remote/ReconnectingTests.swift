import AgentBackend
import BrokerWire
import NIOCore
import NIOEmbedded
import Testing

@testable import BrokerClient

/// How a remote backend comes to its connection, loses it and makes it again.
@Suite(.timeLimit(.minutes(1))) struct ReconnectingTests {
    private static let unreachable = BackendError(.connectionClosed, message: "nobody listens", isRetryable: true)
    private static let path = WorkspacePath.root

    @Test func theFirstOperationConnects() async throws {
        let scripted = try ScriptedBackend()
        #expect(scripted.backend.status == .disconnected)
        async let exists = scripted.backend.exists("x")
        let attempt = try await scripted.connector.nextAttempt()
        #expect(scripted.backend.status == .connecting)
        let broker = try await attempt.greet()
        let frame = try await broker.answer(.exists(true))
        #expect(frame.target?.key == "k")
        #expect(try await exists)
        #expect(await scripted.statuses.next(through: .connected) == [.connecting, .connected])
    }

    @Test func anAttemptThatWasAskedForFailsAtOnceForAllThatWait() async throws {
        let scripted = try ScriptedBackend()
        async let operation = failure { try await scripted.backend.exists("x") }
        await scripted.untilWaiting(1)
        async let connecting = failure { try await scripted.backend.connect() }
        await scripted.untilConnectionWanted()
        await (try await scripted.connector.nextAttempt()).fail(Self.unreachable)
        let (first, second) = (await operation, await connecting)
        #expect(first?.code == .connectionClosed)
        #expect(first?.isRetryable == true)
        #expect(first?.maybeExecuted == false)
        #expect(first?.operation == "exists")
        #expect(second?.code == .connectionClosed)
        #expect(scripted.backend.status == .disconnected)
    }

    @Test func aBrokerThatRefusesTheTokenIsNotAskedAgain() async throws {
        let scripted = try ScriptedBackend()
        let first = try await scripted.connect()
        try await first.lose()
        async let operation = failure { try await scripted.backend.exists("x") }
        await scripted.untilWaiting(1)
        await scripted.connector.advance(by: .seconds(1))
        let broker = try await scripted.connector.nextAttempt().succeed()
        _ = try await broker.peer.receive()
        let refusal = BackendError(.authFailed, message: "unknown token")
        try await broker.peer.send(ServerFrame(id: 0, body: .error(refusal)))
        #expect(await operation?.code == .authFailed)
        #expect(scripted.backend.status == .disconnected)
    }

    @Test func aLostConnectionIsMadeAgainByItself() async throws {
        let scripted = try ScriptedBackend()
        let first = try await scripted.connect()
        try await first.lose()
        _ = try await scripted.reconnect()
        #expect(await scripted.statuses.next(through: .connected) == [.connecting, .connected])
        let change = await scripted.statuses.next()
        #expect(change?.from == .connected)
        #expect(change?.to == .disconnected)
        #expect(change?.cause?.code == .connectionClosed)
        #expect(await scripted.statuses.next(through: .connected) == [.reconnecting, .connecting, .connected])
    }

    @Test func itWaitsBeforeEachAttemptUntilTheyAreUsedUp() async throws {
        let scripted = try ScriptedBackend { $0.reconnection.maximumAttempts = 3 }
        let first = try await scripted.connect()
        _ = await scripted.statuses.next(through: .connected)
        try await first.lose()
        async let waiting = failure { try await scripted.backend.exists("x") }
        await scripted.untilWaiting(1)
        for delay in [1, 2, 4] {
            #expect(await scripted.statuses.next(through: .reconnecting) == [.disconnected, .reconnecting])
            await scripted.connector.advance(by: .seconds(delay) - .milliseconds(1))
            #expect(scripted.backend.status == .reconnecting)
            await scripted.connector.advance(by: .milliseconds(1))
            await (try await scripted.connector.nextAttempt()).fail(Self.unreachable)
            #expect(await scripted.statuses.next(through: .connecting) == [.connecting])
        }
        #expect(await waiting?.code == .connectionClosed)
        #expect(await scripted.statuses.next()?.to == .disconnected)
        // It is tried again when it is used again.
        async let exists = scripted.backend.exists("x")
        try await scripted.connector.nextAttempt().greet().answer(.exists(false))
        #expect(try await !exists)
    }

    @Test func whoAsksForItNeedNotWaitForTheDelay() async throws {
        let scripted = try ScriptedBackend()
        let first = try await scripted.connect()
        try await first.lose()
        _ = await scripted.statuses.next(through: .reconnecting)
        _ = try await scripted.connect()
        #expect(scripted.backend.status == .connected)
        // The wait that was cut short begins no attempt of its own.
        await scripted.connector.advance(by: .seconds(60))
        #expect(scripted.backend.status == .connected)
    }

    @Test func withoutReconnectingTheNextOperationConnects() async throws {
        let scripted = try ScriptedBackend { $0.reconnection.isEnabled = false }
        let first = try await scripted.connect()
        try await first.lose()
        _ = await scripted.statuses.next(through: .disconnected)
        await scripted.connector.advance(by: .seconds(60))
        #expect(scripted.backend.status == .disconnected)
        async let exists = scripted.backend.exists("x")
        try await scripted.connector.nextAttempt().greet().answer(.exists(true))
        #expect(try await exists)
    }

    @Test func aWaitForTheConnectionIsCalledOff() async throws {
        let scripted = try ScriptedBackend()
        let error = await withTaskGroup(of: BackendError?.self) { group in
            group.addTask { await failure { try await scripted.backend.connect() } }
            _ = try? await scripted.connector.nextAttempt()
            group.cancelAll()
            return await group.next() ?? nil
        }
        #expect(error?.code == .cancelled)
    }

    // MARK: The end

    @Test func destroyingEndsAnAttempt() async throws {
        let scripted = try ScriptedBackend()
        async let waiting = failure { try await scripted.backend.exists("x") }
        let attempt = try await scripted.connector.nextAttempt()
        await scripted.backend.destroy()
        #expect(attempt.isCalledOff)
        #expect(await waiting?.code == .backendDestroyed)
        #expect(await scripted.statuses.next(through: .destroyed) == [.connecting, .destroyed])
        #expect(await scripted.statuses.next() == nil)
    }

    @Test func destroyingEndsTheWaitForAnAttempt() async throws {
        let scripted = try ScriptedBackend()
        let first = try await scripted.connect()
        try await first.lose()
        async let waiting = failure { try await scripted.backend.exists("x") }
        await scripted.untilWaiting(1)
        await scripted.backend.destroy()
        #expect(await waiting?.code == .backendDestroyed)
        #expect(await failure { try await scripted.backend.exists("x") }?.code == .backendDestroyed)
        #expect(await failure { try await scripted.backend.connect() }?.code == .backendDestroyed)
        await scripted.connector.advance(by: .seconds(60))
        #expect(scripted.backend.status == .destroyed)
    }

    @Test func destroyingStopsWhatIsUnderWayFirst() async throws {
        let scripted = try ScriptedBackend()
        let broker = try await scripted.connect()
        async let operation = failure { try await scripted.backend.touch("x") }
        let id = try await broker.peer.receiveCall().id
        async let destroyed: Void = scripted.backend.destroy()
        #expect(try await broker.peer.receive().cancelled == id)
        let error = await operation
        #expect(error?.code == .backendDestroyed)
        #expect(error?.maybeExecuted == true)
        #expect(broker.channel.isActive)
        #expect(scripted.backend.status == .connected)
        #expect(await failure { try await scripted.backend.touch("y") }?.code == .backendDestroyed)
        try await broker.peer.send(.failure(id, BackendError(.cancelled, message: "stopped")))
        await destroyed
        #expect(!broker.channel.isActive)
        #expect(await scripted.statuses.next(through: .destroyed) == [.connecting, .connected, .destroyed])
    }

    @Test func destroyingDoesNotWaitForEverForABrokerThatSaysNothing() async throws {
        let scripted = try ScriptedBackend()
        let broker = try await scripted.connect()
        async let operation = failure { try await scripted.backend.touch("x") }
        _ = try await broker.peer.receiveCall()
        async let destroyed: Void = scripted.backend.destroy()
        while try await broker.peer.receive().cancelled == nil {}
        await scripted.connector.advance(by: .seconds(15))
        await destroyed
        #expect(await operation?.code == .backendDestroyed)
    }

    @Test func aBackendThatIsLetGoClosesItsConnection() async throws {
        var scripted: ScriptedBackend? = try ScriptedBackend()
        let broker = try #require(try await scripted?.connect())
        scripted = nil
        try await broker.channel.closeFuture.get()
    }

    @Test func aScopeKeepsTheConnection() async throws {
        var scripted: ScriptedBackend? = try ScriptedBackend()
        let broker = try #require(try await scripted?.connect())
        let scope = try #require(try scripted?.backend.scope("a/b"))
        scripted = nil
        async let exists = scope.exists("x")
        let frame = try await broker.answer(.exists(true))
        #expect(frame.target?.scopePath == Array("a/b".utf8))
        #expect(try await exists)
    }

    // MARK: Configuration

    @Test(
        arguments: [
            { $0.target.key = "" }, { $0.target.key = "a/b" }, { $0.target.backend = .remoteFilesystem },
            { $0.target.lease = 1 }, { $0.operationTimeout = .zero }, { $0.queueTimeout = .seconds(-1) },
            { $0.maximumWaitingCalls = 0 }, { $0.maximumOutputLength = -1 }, { $0.reconnection.factor = 0 },
        ] as [@Sendable (inout RemoteFilesystemBackend.Configuration) -> Void]
    )
    func whatMakesNoSenseIsRefused(configure: @Sendable (inout RemoteFilesystemBackend.Configuration) -> Void) {
        let error = #expect(throws: BackendError.self) { try ScriptedBackend(configure) }
        #expect(error?.code == .invalidConfiguration)
    }
}
