internal import AgentBackend
internal import BrokerWire
internal import NIOCore

/// Tells a peer why it is not served, and closes. Nothing is waited for: a peer that has sent something already may see
/// the end of the connection alone.
///
/// `@unchecked Sendable`: only touched on the channel's event loop.
final class RefusalHandler: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let error: BackendError

    init(_ error: BackendError) {
        self.error = error
    }

    func channelActive(context: ChannelHandlerContext) {
        var bytes = ByteBuffer()
        _ = ServerFrameEncoder().encode(
            ServerFrame(id: 0, body: .goAway(GoAway(error: error, lastID: 0))),
            into: &bytes
        )
        context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
        context.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
