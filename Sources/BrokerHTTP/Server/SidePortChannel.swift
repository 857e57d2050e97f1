internal import AgentBackend
internal import BrokerServer
internal import Hummingbird
internal import HummingbirdCore
internal import Logging
internal import ModelContextProtocol
internal import NIOCore

/// What becomes of a connection that was accepted: TLS where there is a certificate, HTTP/1.1, and its requests one after
/// the other.
struct SidePortChannel: ServerChildChannel {
    typealias Value = HTTP1Channel.Value

    let routes: Routes
    let connections: HTTPConnectionTable
    let broker: BrokerAccess

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        do throws(BackendError) {
            try connections.add(channel)
        } catch {
            if error.limit != nil { broker.tellRefused(error, channel.remoteAddress, connections.refusals) }
            channel.close(promise: nil)
            return channel.eventLoop.makeFailedFuture(error)
        }
        let settings = broker.configuration().http
        do {
            try broker.protect?(channel)
            try channel.pipeline.syncOperations.addHandler(SlowReaderHandler(patience: settings.writeTimeout))
        } catch {
            return channel.eventLoop.makeFailedFuture(error)
        }
        return Self.http(idleTimeout: settings.idleTimeout) { _, _, _ in }.setup(channel: channel, logger: logger)
    }

    func handle(value: Value, logger: Logger) async {
        let connection = HTTPConnection(value.channel)
        let routes = routes
        // It was set up with what is the same for all; what answers knows whom.
        let http = Self.http(idleTimeout: .zero) { request, writer, _ in
            let response = try await routes.respond(to: request, on: connection)
            try await writer.write(response: response.head, body: response.body)
            if response.headers[.connection] == "close" { throw await Self.end(connection) }
        }
        await http.handle(value: value, logger: logger)
        value.channel.close(promise: nil)
    }

    /// Ends a connection whose request is not read to its end. At once, what is unread would take the answer with it.
    private static func end(_ connection: HTTPConnection) async -> any Error {
        await withTaskGroup { group in
            group.addTask { _ = await connection.closed.wait() }
            group.addTask { try? await Task.sleep(for: lingerTime) }
            await group.next()
            group.cancelAll()
        }
        return CancellationError()
    }

    /// How long a client may take to read why.
    private static let lingerTime = Duration.seconds(1)

    private static func http(
        idleTimeout: Duration,
        _ respond: @escaping HTTPChannelHandler.Responder
    ) -> HTTP1Channel {
        var decoder = HTTP1Channel.Configuration.DecoderConfiguration()
        (decoder.maxHeaderFieldSize, decoder.maxHeaderListSize, decoder.maxHeaderFieldCount) = (16 << 10, 64 << 10, 100)
        return HTTP1Channel(
            responder: respond,
            configuration: HTTP1Channel.Configuration(
                idleTimeout: TimeAmount(idleTimeout),
                httpDecoderConfiguration: decoder
            )
        )
    }
}
