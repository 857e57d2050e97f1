internal import AgentBackend
internal import Glibc
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// One attempt to connect. A host with several addresses is tried with several channels; calling the attempt off closes
/// them all. Safe to use from any thread.
final class ConnectionAttempt: Sendable {
    private struct State {
        var channels: [(channel: any Channel, handler: ClientConnectionHandler)] = []
        var isCalledOff = false
    }

    private let configuration: BrokerConnection.Configuration
    private let eventLoops: any EventLoopGroup
    private let state = Mutex(State())

    init(_ configuration: BrokerConnection.Configuration, on eventLoops: any EventLoopGroup) {
        self.configuration = configuration
        self.eventLoops = eventLoops
    }

    /// Nothing is said yet. Fails with a ``BackendError``.
    func connect(to address: BrokerAddress) -> EventLoopFuture<(ClientConnectionHandler, any Channel)> {
        guard let tls = configuration.tls else { return connect(to: address, tls: nil) }
        // Files are read.
        return NIOThreadPool.singleton
            .runIfActive(eventLoop: eventLoops.next()) { try ClientTLS(tls, to: address) }
            .flatMap { self.connect(to: address, tls: $0) }
    }

    private func connect(
        to address: BrokerAddress,
        tls: ClientTLS?
    ) -> EventLoopFuture<(ClientConnectionHandler, any Channel)> {
        let bootstrap = bootstrap(tls)
        let channel =
            switch address {
            case .tcp(let host, let port): bootstrap.connect(host: host, port: Int(port))
            case .unix(let path): bootstrap.connect(unixDomainSocketPath: path)
            }
        return finish(channel, "\(address)")
    }

    /// Over a socket that is connected already, which is its from then on.
    func connect(over socket: CInt) -> EventLoopFuture<(ClientConnectionHandler, any Channel)> {
        finish(bootstrap(nil).withConnectedSocket(socket), "the broker of this process")
    }

    private func bootstrap(_ tls: ClientTLS?) -> ClientBootstrap {
        ClientBootstrap(group: eventLoops)
            .connectTimeout(TimeAmount(configuration.connectDeadline))
            .channelInitializer { self.prepare($0, tls) }
    }

    private func finish(
        _ channel: EventLoopFuture<any Channel>,
        _ peer: String
    ) -> EventLoopFuture<(ClientConnectionHandler, any Channel)> {
        channel
            .flatMapThrowing { channel in
                // It may have ended by now, and knows why.
                guard let made = self.state.withLock({ $0.channels.first { $0.channel === channel } }) else {
                    throw ChannelError.ioOnClosedChannel
                }
                return (made.handler, channel)
            }
            .flatMapErrorThrowing { error in throw Self.failure(peer, error) }
    }

    func callOff() {
        let channels = state.withLock { state in
            state.isCalledOff = true
            return state.channels
        }
        for (channel, _) in channels { channel.close(promise: nil) }
    }

    private func prepare(_ channel: any Channel, _ tls: ClientTLS?) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            let handler = ClientConnectionHandler(eventLoop: channel.eventLoop, configuration: configuration)
            let isCalledOff = state.withLock { state in
                state.channels.append((channel, handler))
                return state.isCalledOff
            }
            guard !isCalledOff else { throw BackendError.cancelledBeforeSent }
            try tls?.addHandlers(to: channel.pipeline.syncOperations)
            try channel.pipeline.syncOperations.addHandler(handler)
        }
    }

    private static func failure(_ address: String, _ error: any Error) -> BackendError {
        let number = systemErrno(of: error)
        let reason = number == 0 ? "\(error)" : String(cString: strerror(number))
        return BackendError(
            .connectionClosed,
            systemErrno: number,
            message: "cannot connect to \(address): \(reason): is a broker running there?",
            operation: "connect",
            isRetryable: true
        )
    }

    private static func systemErrno(of error: any Error) -> Int32 {
        switch error {
        case let error as IOError: error.errnoCode
        case let error as NIOConnectionError: error.connectionErrors.first.map { systemErrno(of: $0.error) } ?? 0
        default: 0
        }
    }
}
