public import AgentBackend
internal import BrokerWire
internal import NIOCore
internal import NIOPosix

/// A connection to a broker: any number of concurrent calls over one TCP or unix socket, for one org.
///
/// Use ``withConnection(to:token:configuration:_:)``, or connect and close yourself. Safe to use from any thread. Calls
/// are methods of this type; each throws ``BackendError``:
/// - what the broker answered with, or
/// - `CONNECTION_CLOSED`: the connection is gone. `maybeExecuted` says whether the call had been sent; one that had not
///   is retryable on a new connection. A connection that is gone stays so.
/// - `SHUTTING_DOWN`, retryable: the broker starts no more calls on this connection; those under way go on.
/// - `CANCELLED`: the calling task was cancelled, and the broker has confirmed that the call's effects are stopped. One
///   that does not confirm it within ``Configuration/cancelDeadline`` makes it `DEADLINE_EXCEEDED`.
/// - `PROTOCOL_ERROR`: the broker answered what makes no sense.
///
/// ``connect(to:token:configuration:)`` also throws, where ``Configuration/tls`` is set, `AUTH_FAILED` for a broker that
/// cannot prove who it is, or asks the client for a certificate that it did not get, and `INVALID_CONFIGURATION` for
/// files that cannot be used.
///
/// What is received and not yet read is bounded by the broker's windows (1 MiB for each call, 16 MiB in all), and so
/// is what is sent: a reader that stops reading stops the broker, a writer waits for it.
public final class BrokerConnection: Sendable {
    /// What the broker said of itself.
    public let broker: BrokerIdentity

    let handler: ClientConnectionHandler
    private let channel: any Channel

    /// Takes over a channel to which `handler` was added, and says hello.
    init(_ handler: ClientConnectionHandler, _ channel: any Channel, token: String) async throws(BackendError) {
        let greeting: BrokerGreeting
        do {
            let answer = handler.greet(token: token)
            greeting = try await withTaskCancellationHandler {
                try await answer.get()
            } onCancel: {
                channel.close(promise: nil)
            }
        } catch {
            channel.close(promise: nil)
            throw Task.isCancelled ? .cancelledBeforeSent : .ofConnecting(error)
        }
        self.handler = handler
        self.channel = channel
        broker = greeting.identity
    }

    deinit {
        guard channel.isActive else { return }
        handler.eventLoop.execute { [handler] in handler.end(.closedByOwner) }
    }

    /// Connects and says hello. Throws the broker's refusal (`AUTH_FAILED`, …), and `CONNECTION_CLOSED` where nobody
    /// answers. Cancelling the task calls it off.
    public static func connect(
        to address: BrokerAddress,
        token: String,
        configuration: Configuration = Configuration()
    ) async throws(BackendError) -> BrokerConnection {
        try await connect(token: token, configuration) { $0.connect(to: address) }
    }

    /// As ``connect(to:token:configuration:)``, over a socket that is connected, and the connection's from now on.
    package static func connect(
        over socket: CInt,
        token: String,
        configuration: Configuration = Configuration()
    ) async throws(BackendError) -> BrokerConnection {
        try await connect(token: token, configuration) { $0.connect(over: socket) }
    }

    private static func connect(
        token: String,
        _ configuration: Configuration,
        _ begin: (ConnectionAttempt) -> EventLoopFuture<(ClientConnectionHandler, any Channel)>
    ) async throws(BackendError) -> BrokerConnection {
        let eventLoops = configuration.eventLoopGroup ?? MultiThreadedEventLoopGroup.singleton
        let attempt = ConnectionAttempt(configuration, on: eventLoops)
        let connected = begin(attempt)
        let (handler, channel): (ClientConnectionHandler, any Channel)
        do {
            (handler, channel) = try await withTaskCancellationHandler {
                try await connected.get()
            } onCancel: {
                attempt.callOff()
            }
        } catch {
            throw Task.isCancelled ? .cancelledBeforeSent : .ofConnecting(error)
        }
        return try await BrokerConnection(handler, channel, token: token)
    }

    /// Connects, runs `body` with the connection and closes it. Throws what ``connect(to:token:configuration:)`` and
    /// `body` throw.
    public static func withConnection<Value>(
        to address: BrokerAddress,
        token: String,
        configuration: Configuration = Configuration(),
        _ body: (BrokerConnection) async throws -> Value
    ) async throws -> Value {
        let connection = try await connect(to: address, token: token, configuration: configuration)
        do {
            let value = try await body(connection)
            await connection.close()
            return value
        } catch {
            await connection.close()
            throw error
        }
    }

    /// Fails the calls that are unanswered with `CONNECTION_CLOSED` and closes the connection, for which the broker ends
    /// them. Idempotent.
    public func close() async {
        beginClosing()
        await waitUntilClosed()
    }

    /// As ``close()``, without waiting for it.
    package func beginClosing() {
        handler.eventLoop.execute { [handler] in handler.end(.closedByOwner) }
    }

    /// Until it is, by whichever side. Not ended by cancelling.
    package func waitUntilClosed() async {
        // It never fails.
        try? await channel.closeFuture.get()
    }

}

extension BrokerConnection: CallOrigin {
    var eventLoop: any EventLoop { handler.eventLoop }

    func begin(_ inbox: CallInbox, _ request: CallRequest) {
        handler.accept(UnsentCall(inbox, request, at: eventLoop.now))
    }
}

extension BackendError {
    /// What kept a connection from coming to be.
    static func ofConnecting(_ error: any Error) -> BackendError {
        error as? BackendError ?? ConnectionEnd.lost(cause: error).errorOfGreeting
    }
}

/// What a broker says of itself when it accepts a connection.
public struct BrokerIdentity: Sendable, Hashable {
    public var serverVersion: String
    /// Name of the broker's node.
    public var node: String
    /// The tenant that the token belongs to.
    public var org: String
    /// What the token is: an operator's, one that changes nothing. Older brokers do not say.
    public var isOperator = false
    public var isReadOnly = false
}
