public import AgentBackend
internal import BrokerWire
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// The files and commands of one key of a broker, as if they were here.
///
/// It connects when it is first used, or by ``connect()``, and needs nothing to be run for it: what it does by itself
/// happens on an event loop of NIO's. All operations, scopes, readers, writers and commands share one connection.
///
/// A connection that is lost is made again as the ``ReconnectPolicy`` says, and ``statusChanges()`` tells of each step.
/// Meanwhile operations wait, in order and with their time going on; they fail once the attempts are used up. What the
/// loss does to those that were under way is the business of ``Configuration/resend``.
///
/// Use ``withBackend(_:_:)``, or ``destroy()`` it yourself; one that is let go, with all that was made from it, closes
/// its connection. Safe to use from any thread. Beyond what ``Backend`` says an operation throws what a
/// ``BrokerConnection`` does.
public final class RemoteFilesystemBackend: ConfinableBackend {
    public let type = BackendType.remoteFilesystem

    package let lifecycle: BackendLifecycle
    let connection: ReconnectingConnection
    let target: BrokerTarget
    let options: BrokerCallOptions
    /// Of a view: what it is a view of, and ends with.
    private let parent: RemoteFilesystemBackend?
    private let isDestroyed = Atomic<Bool>(false)

    /// Connects to nothing yet. Throws `INVALID_CONFIGURATION`.
    public convenience init(_ configuration: Configuration) throws(BackendError) {
        let eventLoops = configuration.connection.eventLoopGroup ?? MultiThreadedEventLoopGroup.singleton
        let connector = SocketConnector(eventLoop: eventLoops.any(), configuration: configuration.connection)
        try self.init(configuration, connector: connector)
    }

    /// Connects over sockets that `connect` makes, whatever the address says. Throws `INVALID_CONFIGURATION`.
    package convenience init(
        _ configuration: Configuration,
        connect: @escaping @Sendable () throws(BackendError) -> CInt
    ) throws(BackendError) {
        let eventLoops = configuration.connection.eventLoopGroup ?? MultiThreadedEventLoopGroup.singleton
        let connector = ConnectedSocketConnector(
            eventLoop: eventLoops.any(),
            configuration: configuration.connection,
            connect: connect
        )
        try self.init(configuration, connector: connector)
    }

    init(
        _ configuration: Configuration,
        connector: any Connector,
        generator: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()
    ) throws(BackendError) {
        try configuration.validate()
        let lifecycle = BackendLifecycle(status: .disconnected)
        self.lifecycle = lifecycle
        connection = ReconnectingConnection(
            configuration,
            lifecycle: lifecycle,
            connector: connector,
            generator: generator
        )
        target = configuration.target
        options = configuration.callOptions
        parent = nil
    }

    private init(_ target: BrokerTarget, _ options: BrokerCallOptions, over parent: RemoteFilesystemBackend) {
        lifecycle = parent.lifecycle
        connection = parent.connection
        self.target = target
        self.options = options
        self.parent = parent
    }

    /// Another key, or another scope from the root on, over the same connection. It ends with this backend. Not of one
    /// that has a configuration of its own for its entry.
    ///
    /// - Parameter traceparent: As that of ``BrokerCallOptions``, of all that is done through it.
    package func view(key: String, scope: WorkspacePath, traceparent: String = "") -> RemoteFilesystemBackend {
        var options = options
        options.traceparent = traceparent
        let target = BrokerTarget(backend: target.backend, key: key, scope: scope)
        return RemoteFilesystemBackend(target, options, over: self)
    }

    /// Makes a backend, connects it, runs `body` with it and destroys it. Throws what ``connect()`` and `body` throw.
    public static func withBackend<Value>(
        _ configuration: Configuration,
        _ body: (RemoteFilesystemBackend) async throws -> Value
    ) async throws -> Value {
        let backend = try RemoteFilesystemBackend(configuration)
        do {
            try await backend.connect()
            let value = try await body(backend)
            await backend.destroy()
            return value
        } catch {
            await backend.destroy()
            throw error
        }
    }

    // MARK: Life

    public var status: BackendStatus { isEnded ? .destroyed : lifecycle.status }

    public func statusChanges() -> AsyncStream<BackendStatusChange> { lifecycle.statusChanges() }

    /// Waits until it is connected. Where it is disconnected it tries once, and throws what keeps it from being
    /// connected; while it reconnects by itself, it tries now and not after the policy's delay. Cancelling the task
    /// ends the wait, not the attempt.
    public func connect() async throws(BackendError) {
        try checkNotDestroyed()
        try await connection.connect()
    }

    /// Ends what is under way, commands with their whole trees, and closes the connection. What was not answered fails
    /// with `BACKEND_DESTROYED`. Waits until the broker says that the effects are stopped, no longer than
    /// ``BrokerConnection/Configuration/cancelDeadline``. Files stay.
    public func destroy() async {
        guard parent == nil else { return isDestroyed.store(true, ordering: .relaxed) }
        await lifecycle.destroy { await connection.destroy() }
    }

    public func trackCloseable(_ closeable: any BackendCloseable) async {
        await lifecycle.track(closeable)
    }

    public var maximumOutputLength: Int { connection.configuration.maximumOutputLength }

    // MARK: Scopes

    public func scope(
        _ path: WorkspacePath,
        configuration: ScopeConfiguration
    ) throws(BackendError) -> any Backend {
        try makeScope(path, configuration)
    }

    public func listActiveScopes() -> [WorkspacePath] { lifecycle.activeScopes() }

    package func confined(to path: WorkspacePath) -> any ConfinableBackend {
        RemoteFilesystemBackend(
            BrokerTarget(backend: target.backend, key: target.key, scope: target.scope.appending(path)),
            options,
            over: self
        )
    }

    private var isEnded: Bool { isDestroyed.load(ordering: .relaxed) || parent?.isEnded ?? false }

    /// Throws `BACKEND_DESTROYED` where this view, one that it is a view of, or the backend as a whole was destroyed.
    func checkNotDestroyed() throws(BackendError) {
        guard status != .destroyed else { throw .destroyedBackend }
    }
}
