internal import NIOCore

/// One connection of a scenario: moves bytes between a socket and a ``CallChannel``. It may be lost and made anew. Used by
/// the generator's thread alone.
final class DrivenConnection {
    /// Of the population, or of the noise behind it.
    let org: Int
    private let endpoint: Endpoint
    private let token: String
    private let depth: Int
    private var socket: StreamSocket?
    /// Of a frame whose rest has not arrived.
    private var beginning = ByteBuffer()
    var channel: CallChannel
    private(set) var traffic = Traffic()

    /// The last send left something, so that the socket is to be watched for room.
    private(set) var waitsForRoom = false

    init(org: Int, to endpoint: Endpoint, token: String, depth: Int) throws(LoadFailure) {
        (self.org, self.endpoint, self.token, self.depth) = (org, endpoint, token, depth)
        let socket = try StreamSocket(to: endpoint, patience: LoadSettings.patience)
        channel = CallChannel(limits: try socket.sayHello(token, &beginning), depth: depth)
        traffic.addHello(token, received: beginning)
        try socket.makeNonBlocking()
        self.socket = consume socket
    }

    /// Nil while it is lost.
    var descriptor: Int32? { socket?.descriptor }

    /// Connects and says hello. Calls that were handed over meanwhile are sent then.
    func reconnect(_ workload: borrowing Workload) throws(LoadFailure) {
        var received = ByteBuffer()
        let socket = try StreamSocket(to: endpoint, patience: LoadSettings.patience)
        let limits = try socket.sayHello(token, &received)
        traffic.addHello(token, received: received)
        try socket.makeNonBlocking()
        let kept = channel.takeUnanswered()
        channel = CallChannel(limits: limits, depth: depth)
        for entry in kept.waiting { channel.submit(entry, workload) }
        beginning = received
        self.socket = consume socket
        waitsForRoom = false
    }

    /// Closes it. What was sent and not answered is returned, and will not be.
    func close() -> [CallChannel.Entry] {
        socket = nil
        beginning.clear()
        waitsForRoom = false
        let (sent, waiting) = channel.takeUnanswered()
        channel = CallChannel(limits: .none, depth: 0)
        for entry in waiting { channel.keep(entry) }
        return sent
    }

    /// Ends the conversation as the protocol has it, and takes what the server still says, so that both have counted
    /// the same bytes. No call is unanswered.
    func finish() throws(LoadFailure) {
        try flush()
        traffic.receivedBytes += try socket?.receiveUntilClosed(within: LoadSettings.patience) ?? 0
        _ = close()
    }

    /// Sends what the channel has to say.
    func flush() throws(LoadFailure) {
        guard channel.out.readableBytes > 0 else {
            waitsForRoom = false
            return
        }
        let before = channel.out.readableBytes
        waitsForRoom = try socket?.send(&channel.out) == false
        traffic.sentBytes += before - channel.out.readableBytes
    }

    /// Takes in what has arrived, and sends what comes of it. `scratch` is room for what arrives, which all connections
    /// share: a connection keeps the beginning of a frame alone.
    func serve(
        _ ready: Epoll.Ready,
        _ scratch: inout ByteBuffer,
        _ workload: inout Workload,
        _ take: (CallChannel.Entry, CallChannel.Answer, Span<UInt8>, inout Workload) throws(LoadFailure) -> Void
    ) throws(LoadFailure) {
        if ready.isReadable {
            scratch.clear()
            scratch.writeBuffer(&beginning)
            beginning = ByteBuffer()
            let before = scratch.readableBytes
            guard try socket?.receive(into: &scratch, atMost: StreamSocket.receiveLength) == true else {
                beginning = ByteBuffer(bytes: scratch.readableBytesView)
                return
            }
            traffic.receivedBytes += scratch.readableBytes - before
            let handled = try channel.received(scratch.readableBytesUInt8Span, &workload, take)
            scratch.moveReaderIndex(forwardBy: handled)
            if scratch.readableBytes > 0 { beginning = ByteBuffer(bytes: scratch.readableBytesView) }
        }
        try flush()
    }
}
