internal import AgentBackend
internal import BrokerWire
internal import NIOCore

/// Makes attempts to connect to a broker; in tests one without a socket.
protocol Connector: Sendable {
    /// Where all connections are.
    var eventLoop: any EventLoop { get }
    func makeAttempt() -> any ConnectionMaking
}

/// One attempt to connect.
protocol ConnectionMaking: AnyObject, Sendable {
    /// Nothing is said yet. Fails with a ``BackendError``.
    func connect(to address: BrokerAddress) -> EventLoopFuture<(ClientConnectionHandler, any Channel)>
    /// Safe to use from any thread.
    func callOff()
}

extension ConnectionAttempt: ConnectionMaking {}

struct SocketConnector: Connector {
    let eventLoop: any EventLoop
    let configuration: BrokerConnection.Configuration

    func makeAttempt() -> any ConnectionMaking { ConnectionAttempt(configuration, on: eventLoop) }
}

/// Makes connections over sockets that come connected, whatever the address says.
struct ConnectedSocketConnector: Connector {
    let eventLoop: any EventLoop
    let configuration: BrokerConnection.Configuration
    /// Makes one. It is the connection's from then on.
    let connect: @Sendable () throws(BackendError) -> CInt

    func makeAttempt() -> any ConnectionMaking {
        ConnectedSocketAttempt(attempt: ConnectionAttempt(configuration, on: eventLoop), connector: self)
    }
}

private final class ConnectedSocketAttempt: ConnectionMaking {
    private let attempt: ConnectionAttempt
    private let connector: ConnectedSocketConnector

    init(attempt: ConnectionAttempt, connector: ConnectedSocketConnector) {
        self.attempt = attempt
        self.connector = connector
    }

    func connect(to address: BrokerAddress) -> EventLoopFuture<(ClientConnectionHandler, any Channel)> {
        do throws(BackendError) {
            return attempt.connect(over: try connector.connect())
        } catch {
            return connector.eventLoop.makeFailedFuture(error)
        }
    }

    func callOff() {
        attempt.callOff()
    }
}

extension ConnectionMaking {
    /// Connects, says hello and, where the entry is to have a configuration, takes a lease on it. On the event loop.
    func establish(
        _ configuration: RemoteFilesystemBackend.Configuration
    ) -> EventLoopFuture<ReconnectingConnection.Link> {
        connect(to: configuration.address).flatMap { handler, channel in
            handler.greet(token: configuration.token)
                .flatMap { _ in handler.lease(configuration) }
                .map { ReconnectingConnection.Link(handler: handler, channel: channel, lease: $0) }
                .flatMapErrorThrowing { error in
                    handler.end(.closedByOwner)
                    throw error
                }
        }
    }
}

extension ClientConnectionHandler {
    fileprivate func lease(_ configuration: RemoteFilesystemBackend.Configuration) -> EventLoopFuture<UInt64?> {
        guard let entry = configuration.entry else { return eventLoop.makeSucceededFuture(nil) }
        let call = UnaryCall.acquire(entry)
        return answer(to: CallRequest(call.operation, on: configuration.target, options: BrokerCallOptions()))
            .flatMapThrowing { part in
                guard let reply = part.reply, let acquired = try call.value(reply) else {
                    throw BackendError.strangeAnswer(to: "acquire")
                }
                return acquired.lease
            }
    }
}
