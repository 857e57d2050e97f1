internal import AgentBackend
internal import NIOCore
internal import NIOSSL
internal import SharedTLS

/// What connections to one broker are made with.
struct ClientTLS: Sendable {
    private let context: NIOSSLContext
    /// Nil: the certificate has to have the broker's address.
    private let serverName: ServerName?

    /// Blocks on files. Throws `INVALID_CONFIGURATION`, and `INVALID_ARGUMENT` for a name that no certificate has.
    init(_ tls: BrokerTLS, to address: BrokerAddress) throws(BackendError) {
        var configuration = TLSConfiguration.makeClientConfiguration()
        TLSParameters.apply(to: &configuration)
        // The broker may wait with its goodbye for the calls under way, which nobody wants any more.
        configuration.shutdownTimeout = .zero
        if let authorities = tls.authorities {
            configuration.trustRoots = .certificates(try TLSFile.certificates(in: authorities))
        }
        if let identity = tls.identity {
            try TLSIdentity(certificate: identity.certificate, key: identity.key).apply(to: &configuration)
        }
        serverName = try Self.serverName(tls, address)
        do {
            context = try NIOSSLContext(configuration: configuration)
        } catch {
            throw BackendError(
                .invalidConfiguration,
                message: "TLS: no authorities can be read on this host: name a file of them (--tls-ca)",
                cause: error
            )
        }
        do {
            _ = try NIOSSLClientHandler(context: context, serverHostname: serverName?.text)
        } catch {
            throw BackendError(.invalidArgument, message: "TLS: \(serverName?.text ?? "") is no name of a server")
        }
    }

    private static func serverName(_ tls: BrokerTLS, _ address: BrokerAddress) throws(BackendError) -> ServerName? {
        if let name = tls.serverName { return ServerName(text: name) }
        switch address {
        case .tcp(let host, _):
            return (try? SocketAddress(ipAddress: host, port: 0)) == nil ? ServerName(text: host) : nil
        case .unix:
            throw BackendError(
                .invalidArgument,
                message: "TLS over a unix socket: say which name the broker's certificate has (--tls-server-name)"
            )
        }
    }

    /// On the channel's event loop, before it has other handlers.
    func addHandlers(to pipeline: ChannelPipeline.SynchronousOperations) throws {
        let handler =
            if let serverName {
                try NIOSSLClientHandler._makeSSLClientHandler(
                    context: context,
                    serverHostname: serverName.text,
                    additionalPeerCertificateVerificationCallback: { certificate, channel in
                        channel.eventLoop.makeCompletedFuture {
                            guard serverName.isCovered(by: certificate) else {
                                throw BackendError.anotherHost(serverName)
                            }
                        }
                    }
                )
            } else {
                try NIOSSLClientHandler(context: context, serverHostname: nil)
            }
        try pipeline.addHandlers(handler, ClientTLSErrors(handler, serverName))
    }
}

/// Says what an error of TLS means, and what to do. Used on one event loop.
private final class ClientTLSErrors: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let tls: NIOSSLClientHandler
    private let serverName: ServerName?

    init(_ tls: NIOSSLClientHandler, _ serverName: ServerName?) {
        self.tls = tls
        self.serverName = serverName
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.fireErrorCaught(BackendError(ofTLS: error, serverName, tls.peerCertificate) ?? error)
    }
}
