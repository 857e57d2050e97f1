internal import ModelContextProtocol
internal import NIOCore

/// One connection of a client, as far as those need it who answer its requests, one at a time. Safe to use from any
/// thread.
final class HTTPConnection: Sendable {
    /// Whose address it comes from; nil: it has none.
    let remoteAddress: SocketAddress?
    /// Its client is gone.
    let closed = Occurrence()

    init(_ channel: any Channel) {
        remoteAddress = channel.remoteAddress
        channel.closeFuture.whenComplete { [closed] _ in closed.happen() }
    }
}
