import BrokerWire
import NIOCore
import NIOPosix
import Testing

/// Where a connection is cut.
struct Cut: Sendable, CustomTestStringConvertible {
    enum Direction: String, Sendable, CaseIterable {
        case toBroker = "to the broker"
        case toClient = "to the client"
    }

    enum Manner: String, Sendable {
        /// Both ends see their connection closed.
        case close
        /// Neither hears anything any more.
        case silence
    }

    let direction: Direction
    /// Of the frames in that direction, the first is 0.
    let index: Int
    /// The frame itself still arrives.
    let isForwarded: Bool
    var manner = Manner.close

    var testDescription: String {
        "\(manner.rawValue) \(isForwarded ? "after" : "in place of") frame \(index) \(direction.rawValue)"
    }
}

/// What came along on the connection that is to be cut.
struct Passage: Sendable {
    /// Frames that reached their other side.
    var forwarded: [Cut.Direction: Int] = [:]
    /// First frames of calls that came from the client, but for those that take a lease.
    var callsSeen = 0
    /// Of those, how many reached the broker.
    var callsForwarded = 0
    var isCut = false
}

/// Stands between clients and a broker on the loopback. Cuts the first connection at a frame, and leaves all others
/// alone.
///
/// `@unchecked Sendable`: touched on its event loop alone.
final class FrameProxy: @unchecked Sendable {
    private var brokerPort: Int
    fileprivate var cut: Cut?
    fileprivate var passage = Passage()
    private var relays: [Relay] = []
    /// Where each connection is cut, in place of ``cut``. Nil: nowhere else.
    fileprivate var makeCut: (() -> Cut)?
    private var listener: (any Channel)?
    fileprivate let eventLoop = MultiThreadedEventLoopGroup.singleton.any()

    private init(brokerPort: Int, cut: Cut?) {
        self.brokerPort = brokerPort
        self.cut = cut
    }

    /// Runs `body` with a proxy. When it is done, nothing of the proxy is left.
    static func run<Value>(
        to brokerPort: Int,
        cut: Cut? = nil,
        _ body: (FrameProxy, _ port: UInt16) async throws -> Value
    ) async throws -> Value {
        let proxy = FrameProxy(brokerPort: brokerPort, cut: cut)
        let listener = try await proxy.listen()
        do {
            let value = try await body(proxy, UInt16(listener.localAddress?.port ?? 0))
            try await proxy.end()
            return value
        } catch {
            try? await proxy.end()
            throw error
        }
    }

    /// What came along so far. From now on nothing is cut.
    func disarm() async throws -> Passage {
        try await eventLoop.submit {
            self.cut = nil
            return self.passage
        }.get()
    }

    /// Every connection that is made from now on is cut somewhere.
    func cutAll(_ makeCut: @escaping @Sendable () -> Cut) async throws {
        try await eventLoop.submit { self.makeCut = makeCut }.get()
    }

    /// Connections that are made from now on are left alone.
    func cutNoMore() async throws {
        try await eventLoop.submit { self.makeCut = nil }.get()
    }

    /// Connections that are made from now on lead to another broker.
    func redirect(to brokerPort: Int) async throws {
        try await eventLoop.submit { self.brokerPort = brokerPort }.get()
    }

    /// Connections that clients have open.
    func openConnections() async throws -> Int {
        try await eventLoop.submit { self.relays.count { !$0.clientHasClosed } }.get()
    }

    private func listen() async throws -> any Channel {
        let listener = try await ServerBootstrap(group: eventLoop)
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.accept(channel) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        try await eventLoop.submit { self.listener = listener }.get()
        return listener
    }

    private func accept(_ front: any Channel) throws {
        let relay = Relay(self, front, isFirst: relays.isEmpty)
        relays.append(relay)
        try front.pipeline.syncOperations.addHandler(RelayHandler(relay, from: .toBroker))
        ClientBootstrap(group: eventLoop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    relay.back = channel
                    try channel.pipeline.syncOperations.addHandler(RelayHandler(relay, from: .toClient))
                }
            }
            .connect(host: "127.0.0.1", port: brokerPort)
            .assumeIsolated()
            .whenComplete { result in
                switch result {
                case .success: front.setOption(.autoRead, value: true).whenComplete { _ in front.read() }
                case .failure: front.close(promise: nil)
                }
            }
    }

    private func end() async throws {
        let channels = try await eventLoop.submit {
            [self.listener].compactMap { $0 } + self.relays.flatMap { [$0.front, $0.back].compactMap { $0 } }
        }.get()
        for channel in channels { try? await channel.close().get() }
    }
}

/// One connection of a client's and its continuation to the broker. On the event loop.
private final class Relay: @unchecked Sendable {
    let front: any Channel
    var back: (any Channel)?
    private(set) var clientHasClosed = false
    private let proxy: FrameProxy
    private let isFirst: Bool
    /// Of this connection alone.
    private let ownCut: Cut?
    private var accumulators = [Cut.Direction.toBroker: FrameAccumulator(), .toClient: FrameAccumulator()]
    private var counts: [Cut.Direction: Int] = [:]
    private var isCut = false
    private let decoder = ClientFrameDecoder()

    init(_ proxy: FrameProxy, _ front: any Channel, isFirst: Bool) {
        self.proxy = proxy
        self.front = front
        self.isFirst = isFirst
        ownCut = proxy.makeCut?()
    }

    func received(_ bytes: ByteBuffer, _ direction: Cut.Direction) {
        guard !isCut else { return }
        accumulators[direction]?.append(bytes)
        while let message = try? accumulators[direction]?.next() {
            let index = counts[direction, default: 0]
            counts[direction] = index + 1
            let isCall = isFirst && direction == .toBroker && isCall(message)
            if isCall { proxy.passage.callsSeen += 1 }
            guard let cut = ownCut ?? (isFirst ? proxy.cut : nil), cut.direction == direction, cut.index == index else {
                forward(message, direction, isCall: isCall)
                continue
            }
            isCut = true
            proxy.passage.isCut = true
            let sent = cut.isForwarded ? forward(message, direction, isCall: isCall) : nil
            if cut.manner == .close { close(after: sent) }
            return
        }
        destination(direction)?.flush()
    }

    @discardableResult
    private func forward(_ message: ByteBuffer, _ direction: Cut.Direction, isCall: Bool) -> EventLoopFuture<Void>? {
        if isFirst {
            proxy.passage.forwarded[direction, default: 0] += 1
            if isCall { proxy.passage.callsForwarded += 1 }
        }
        var frame = ByteBuffer()
        frame.writeInteger(UInt8(0))
        frame.writeInteger(UInt32(message.readableBytes))
        frame.writeImmutableBuffer(message)
        guard let destination = destination(direction) else { return nil }
        return isCut ? destination.writeAndFlush(frame) : destination.write(frame)
    }

    private func isCall(_ message: ByteBuffer) -> Bool {
        guard let frame = try? decoder.decode(message), case .call(let operation) = frame.body else { return false }
        if case .acquire = operation { return false }
        return true
    }

    /// The client sees the end of what was sent before, and nothing of it is lost; the broker a connection that is gone.
    private func close(after sent: EventLoopFuture<Void>?) {
        let sent = sent ?? proxy.eventLoop.makeSucceededVoidFuture()
        front.flush()
        back?.flush()
        sent.assumeIsolated().whenComplete { [self] _ in
            back?.close(promise: nil)
            front.close(mode: .output, promise: nil)
        }
    }

    private func destination(_ direction: Cut.Direction) -> (any Channel)? {
        switch direction {
        case .toBroker: back
        case .toClient: front
        }
    }

    /// The side that sends in this direction has closed.
    func ended(_ direction: Cut.Direction) {
        switch direction {
        case .toBroker:
            clientHasClosed = true
            front.close(promise: nil)
            // In silence the broker hears nothing of it.
            if !isCut { back?.close(promise: nil) }
        case .toClient:
            if !isCut { front.close(mode: .output, promise: nil) }
        }
    }
}

private final class RelayHandler: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    private let relay: Relay
    private let direction: Cut.Direction

    init(_ relay: Relay, from direction: Cut.Direction) {
        self.relay = relay
        self.direction = direction
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        relay.received(unwrapInboundIn(data), direction)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { relay.ended(direction) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        relay.ended(direction)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
