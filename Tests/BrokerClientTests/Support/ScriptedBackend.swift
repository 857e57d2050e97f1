import AgentBackend
import BrokerWire
import NIOCore
import NIOEmbedded
import Testing

@testable import BrokerClient

/// A remote backend whose connections the test makes, and whose time it moves. Waits before an attempt are always as
/// long as they may be.
struct ScriptedBackend {
    let backend: RemoteFilesystemBackend
    let connector: ScriptedConnector
    let statuses: StatusLog

    init(_ configure: (inout RemoteFilesystemBackend.Configuration) -> Void = { _ in }) throws {
        var configuration = RemoteFilesystemBackend.Configuration(
            address: .unix(path: "/broker"),
            token: "ab_token",
            target: BrokerTarget(key: "k")
        )
        configure(&configuration)
        connector = ScriptedConnector()
        backend = try RemoteFilesystemBackend(configuration, connector: connector, generator: Highest())
        statuses = StatusLog(backend.statusChanges())
    }

    /// Connects.
    func connect(
        _ limits: SessionLimits = SessionLimits(keepaliveInterval: .zero)
    ) async throws -> ScriptedBroker {
        async let connecting: Void = backend.connect()
        let broker = try await connector.nextAttempt().greet(limits)
        try await connecting
        return broker
    }

    /// The connection that is made once the policy's delay has passed.
    func reconnect(
        after delay: Duration = .seconds(1),
        _ limits: SessionLimits = SessionLimits(keepaliveInterval: .zero)
    ) async throws -> ScriptedBroker {
        await connector.advance(by: delay)
        return try await connector.nextAttempt().greet(limits)
    }

    /// Waits until so many calls wait for a connection.
    func untilWaiting(_ count: Int) async {
        while await onLoop({ $0.waiting.count }) != count { await Task.yield() }
    }

    /// Waits until somebody waits for a connection without a call.
    func untilConnectionWanted() async {
        while await onLoop({ $0.waiters.isEmpty }) { await Task.yield() }
    }

    /// Waits until so many calls are with the connection, sent or not.
    func untilPending(_ count: Int) async {
        while await onLoop({ $0.link?.handler.calls.count }) != count { await Task.yield() }
    }

    private func onLoop<Value: Sendable>(
        _ body: @escaping @Sendable (ReconnectingConnection) -> Value
    ) async -> Value {
        let connection = backend.connection
        return await withCheckedContinuation { continuation in
            connector.loop.execute { continuation.resume(returning: body(connection)) }
        }
    }
}

/// The changes of a backend's status, as the test reads them.
actor StatusLog {
    private var iterator: AsyncStream<BackendStatusChange>.AsyncIterator

    init(_ changes: AsyncStream<BackendStatusChange>) {
        iterator = changes.makeAsyncIterator()
    }

    func next() async -> BackendStatusChange? {
        var iterator = iterator
        defer { self.iterator = iterator }
        return await iterator.next(isolation: self)
    }

    /// The next changes, to `status`, by what they are to.
    func next(through status: BackendStatus) async -> [BackendStatus] {
        var statuses: [BackendStatus] = []
        while let change = await next() {
            statuses.append(change.to)
            if change.to == status { break }
        }
        return statuses
    }
}
