internal import AgentBackend
internal import BrokerWire
internal import Glibc
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Accepts connections of the wire and serves them until it is shut down.
final class WireListener: Sendable {
    private let group: MultiThreadedEventLoopGroup
    /// What the connections of an event loop share.
    private let parts: [ObjectIdentifier: (router: Router, codec: FrameCodec, poller: BusyPoller)]
    /// Of connections that are made from now on.
    private let settings: Mutex<ConnectionSettings>
    private let connections: ConnectionTable
    /// Nil: no listener speaks TLS.
    let tls: ServerTLS?
    private let drain: BrokerDrain
    private let background: BackgroundExecs
    private let waterMark: ChannelOptions.Types.WriteBufferWaterMark
    private let logger: Logger

    init(
        group: MultiThreadedEventLoopGroup,
        broker: BrokerCore,
        settings: ConnectionSettings,
        tls: ServerTLS?,
        logger: Logger
    ) {
        self.group = group
        self.settings = Mutex(settings)
        self.tls = tls
        waterMark = Self.waterMark(settings)
        self.logger = logger
        drain = broker.drain
        background = broker.background
        connections = broker.connections
        // How long a head may be is not changed while the broker runs.
        parts = Dictionary(
            uniqueKeysWithValues: group.makeIterator().map {
                (ObjectIdentifier($0), (Router(eventLoop: $0, broker: broker), FrameCodec(settings), BusyPoller()))
            }
        )
    }

    /// Hears of connections that are not served well.
    var observer: any ConnectionObserver { settings.withLock { $0.observer } }

    var eventLoops: [any EventLoop] { group.makeIterator().map { $0 } }

    /// What connections are made with from now on, and who may come in.
    func update(_ settings: ConnectionSettings, _ admission: AdmissionLimits) {
        self.settings.withLock { $0 = settings }
        connections.update(admission)
    }

    /// Accepts on HOST:PORT; port 0 is any free one. Returns the address that it got. Throws
    /// `INVALID_CONFIGURATION`.
    func listen(_ address: TCPAddress, tls: ServerTLS?) async throws(BackendError) -> any Channel {
        try await bind("\(address)", tls) { try await $0.bind(host: address.host, port: Int(address.port)).get() }
    }

    /// Accepts on a unix socket, in the place of one that a dead broker left behind. Whoever reaches the path may
    /// connect; a token is asked for all the same. Throws `CONFLICT` where another one lives.
    func listen(unixSocket path: String, tls: ServerTLS?) async throws(BackendError) -> any Channel {
        let descriptor = try UnixSocketFile.bind(path)
        return try await bind(path, tls) { try await $0.withBoundSocket(descriptor).get() }
    }

    /// Accepts on a socket that is listened on already.
    func listen(on socket: InheritedSocket, tls: ServerTLS?) async throws(BackendError) -> any Channel {
        try await bind("descriptor \(socket.descriptor)", tls) { try await $0.withBoundSocket(socket.descriptor).get() }
    }

    private func bind(
        _ name: String,
        _ tls: ServerTLS?,
        _ bind: (ServerBootstrap) async throws -> any Channel
    ) async throws(BackendError) -> any Channel {
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.writeBufferWaterMark, value: waterMark)
            .childChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture { try serve(channel, tls) }
            }
        do {
            return try await bind(bootstrap)
        } catch {
            throw BackendError(
                .invalidConfiguration,
                message: "cannot listen on \(name): choose another address, or end what listens there",
                cause: error
            )
        }
    }

    /// Serves a connection within this process, as one of `peer`, and returns the client's end of it. Throws
    /// `RESOURCE_EXHAUSTED`.
    func connect(for peer: SocketAddress?) throws(BackendError) -> CInt {
        var sockets: [CInt] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &sockets) == 0 else {
            throw BackendError(
                .resourceExhausted,
                systemErrno: errno,
                message: "no more connections can be made: raise the process's limit of descriptors",
                isRetryable: true
            )
        }
        let served = ClientBootstrap(group: group)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.writeBufferWaterMark, value: waterMark)
            .channelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture { try serve(channel, nil, for: peer) }
            }
            .withConnectedSocket(sockets[0])
        // Whoever has the other end finds it closed.
        served.whenFailure { [logger] error in logger.debug("connection not taken", metadata: ["error": "\(error)"]) }
        return sockets[1]
    }

    /// Above the high mark payloads wait, whatever credit the peer gave; below the low one they go on.
    private static func waterMark(_ settings: ConnectionSettings) -> ChannelOptions.Types.WriteBufferWaterMark {
        .init(low: settings.maximumUnsent / 2, high: settings.maximumUnsent)
    }

    /// `client`: whose address the connection counts as one of; nil: its own.
    private func serve(_ channel: any Channel, _ tls: ServerTLS?, for client: SocketAddress? = nil) throws {
        guard let (router, codec, poller) = parts[ObjectIdentifier(channel.eventLoop)] else {
            throw BackendError(.internal, message: "a connection was accepted on a foreign event loop")
        }
        if channel.localAddress?.protocol == .inet || channel.localAddress?.protocol == .inet6 {
            try channel.syncOptions?.setOption(.tcpOption(.tcp_nodelay), value: 1)
        }
        let settings = settings.withLock { $0 }
        let peer = client ?? channel.remoteAddress
        let entry = connections.makeEntry()
        let handler = ConnectionHandler(
            settings: settings,
            handler: router,
            eventLoop: channel.eventLoop,
            codec: codec,
            poller: poller,
            entry: entry,
            client: client
        )
        let member = ConnectionTable.Member(
            drain: { [drain] timeout in channel.eventLoop.execute { handler.drain(timeout, telling: drain) } },
            cancelCalls: { channel.eventLoop.execute { handler.cancelDrainedCalls() } },
            close: { error in channel.eventLoop.execute { handler.fail(error) } },
            displace: { error in channel.eventLoop.execute { handler.abandon(error) } },
            connection: handler
        )
        switch connections.add(entry, member, from: peer.flatMap { IPAddress($0) }) {
        case .added:
            handler.whenGone.whenComplete { [connections] _ in connections.remove(entry) }
            try tls?.protect(channel, telling: settings.observer)
            try channel.pipeline.syncOperations.addHandler(handler)
        case .refused(let error, let inAll):
            settings.observer.connectionRefused(error, peer: peer?.description ?? "unix", inAll: inAll)
            // To tell it through TLS would take a handshake, which is what a flood is after.
            guard tls == nil else { throw error }
            try channel.pipeline.syncOperations.addHandler(RefusalHandler(error))
        }
    }

    /// Tells every peer that nothing more is started, gives what runs until the timeout, also in the background, then
    /// cancels it: each call gets an answer of its own. What has not ended `grace` later loses its connection. Returns when every connection is
    /// gone. Cancelling the task ends the wait for what runs.
    func drain(timeout: Duration, grace: Duration) async {
        let late = BackendError(
            .shuttingDown,
            message: "the broker shut down before all was ended",
            maybeExecuted: true
        )
        drain.expectAnother()
        connections.drainAll(timeout)
        await withTaskCancellationHandler {
            async let background: Void = background.drain(timeout, telling: drain)
            await withTaskGroup { group in
                group.addTask { [connections] in
                    do {
                        try await Task.sleep(for: timeout)
                        connections.cancelAllCalls()
                        try await Task.sleep(for: grace)
                        connections.closeAll(late)
                    } catch {
                        // All is gone before that.
                    }
                }
                if let report = try? await drain.report() { log(report) }
                await connections.waitUntilEmpty()
                group.cancelAll()
            }
            await background
        } onCancel: {
            connections.closeAll(late)
        }
    }

    private func log(_ report: DrainReport) {
        logger.info(
            "drained",
            metadata: [
                "connections": "\(report.connections)", "finished": "\(report.finished)",
                "cancelled": "\(report.cancelled)", "abandoned": "\(report.abandoned)",
            ]
        )
    }
}
