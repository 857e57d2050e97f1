internal import AgentBackend
internal import NIOCore
internal import NIOSSL
internal import NIOTLS
internal import SharedTLS

extension ServerTLS {
    /// Has a connection speak TLS, with the certificate that counts now. On its event loop.
    func protect(_ channel: any Channel, telling observer: any ConnectionObserver) throws {
        let linger = TLSHandshakeLinger()
        try channel.pipeline.syncOperations.addHandlers(
            linger,
            NIOSSLServerHandler(context: current),
            TLSHandshakeObserver(linger, observer: observer)
        )
    }
}

/// Tells of a TLS handshake that failed. Stands behind the handler of TLS, before the connection's own.
///
/// Used on one event loop.
final class TLSHandshakeObserver: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let linger: TLSHandshakeLinger
    private let observer: any ConnectionObserver
    private var isEstablished = false
    private var hasFailed = false

    init(_ linger: TLSHandshakeLinger, observer: any ConnectionObserver) {
        self.linger = linger
        self.observer = observer
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case TLSUserEvent.handshakeCompleted = event {
            isEstablished = true
            linger.isEstablished = true
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !isEstablished, let failure = TLSFailure(error) else { return context.fireErrorCaught(error) }
        guard !hasFailed else { return }
        hasFailed = true
        // The handler of TLS closes the connection. Whoever looks whether the port is open ends like this.
        guard !failure.isEndOfConnection else { return }
        observer.handshakeFailed(failure.errorOfClient, peer: context.remoteAddress?.description ?? "unix")
    }
}

/// A peer whose handshake failed gets to read why: a close with unread bytes would take the alert with it. Stands before
/// the handler of TLS.
///
/// Used on one event loop.
final class TLSHandshakeLinger: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer

    var isEstablished = false
    private var isClosing = false
    private var timeout: Scheduled<Void>?

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .all, !isEstablished, context.channel.isActive else {
            return context.close(mode: mode, promise: promise)
        }
        context.channel.closeFuture.cascadeSuccess(to: promise)
        guard !isClosing else { return }
        isClosing = true
        context.close(mode: .output, promise: nil)
        timeout = context.eventLoop.assumeIsolated().scheduleTask(in: .seconds(1)) { context.close(promise: nil) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if !isClosing { context.fireChannelRead(data) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if isClosing, case ChannelEvent.inputClosed = event { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        timeout?.cancel()
        context.fireChannelInactive()
    }
}

extension TLSFailure {
    /// For the broker's log: what a client does wrong.
    var errorOfClient: BackendError {
        switch name {
        case "WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST":
            BackendError(
                .protocolError,
                message: "it does not speak TLS on a listener that does: it has to connect with TLS (--tls)"
            )
        case "PEER_DID_NOT_RETURN_A_CERTIFICATE":
            BackendError(
                .authFailed,
                message: "it shows no certificate, and tls.client_ca asks for one (--tls-cert, --tls-key)"
            )
        case "CERTIFICATE_VERIFY_FAILED":
            BackendError(
                .authFailed,
                message: "its certificate is from no authority of tls.client_ca, or not valid now"
            )
        case "UNSUPPORTED_PROTOCOL":
            BackendError(.protocolError, message: "it speaks no TLS 1.2 or later")
        case _ where isAlert:
            BackendError(.authFailed, message: "it does not accept the broker's certificate", cause: self)
        default:
            BackendError(.protocolError, message: "the TLS handshake failed", cause: self)
        }
    }
}
