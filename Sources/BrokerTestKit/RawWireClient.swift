package import BrokerWire
internal import Glibc
package import NIOCore
internal import NIOPosix

/// One end of a connection to a broker, without manners: it sends what a test wants sent, frames or any bytes, reads
/// only when it is asked for a frame, and gives credit only where the test says so.
///
/// Safe to use from any thread. Waiting ends with `CancellationError` when its task is cancelled. Close it.
package final class RawWireClient: Sendable {
    package enum Address: Sendable {
        /// Of the loopback.
        case tcp(port: Int)
        case unix(path: String)
    }

    private let channel: any Channel
    private let handler: Handler

    private init(channel: any Channel, handler: Handler) {
        self.channel = channel
        self.handler = handler
    }

    /// Connects and sends nothing.
    ///
    /// - Parameters:
    ///   - receiveBuffer: Bytes that the kernel keeps for a client that does not read; nil: the system's default.
    ///   - givesCredit: The payload bytes of each frame that was asked for are given back at once.
    ///   - keepsBytes: All that arrives is kept as well, for ``receivedBytes``.
    package static func connect(
        to address: Address,
        receiveBuffer: Int? = nil,
        givesCredit: Bool = true,
        keepsBytes: Bool = false
    ) async throws -> RawWireClient {
        let handler = Handler(givesCredit: givesCredit, keepsBytes: keepsBytes)
        var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.autoRead, value: false)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(handler) }
            }
        if let receiveBuffer {
            bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: SocketOptionValue(receiveBuffer))
        }
        let channel: any Channel
        switch address {
        case .tcp(let port):
            bootstrap = bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1)
            channel = try await bootstrap.connect(host: "127.0.0.1", port: port).get()
        case .unix(let path):
            channel = try await bootstrap.connect(unixDomainSocketPath: path).get()
        }
        return RawWireClient(channel: channel, handler: handler)
    }

    // MARK: Sending

    /// Returns when the kernel took all of it. Throws where the connection is gone.
    package func send(_ bytes: ByteBuffer) async throws {
        try await channel.writeAndFlush(bytes).get()
    }

    /// Sends frames in one piece.
    package func send(_ frames: ClientFrame...) async throws {
        try await send(Self.bytes(of: frames))
    }

    /// Frames as they travel.
    package static func bytes(of frames: [ClientFrame]) -> ByteBuffer {
        let encoder = ClientFrameEncoder()
        var bytes = ByteBuffer()
        for frame in frames {
            if let payload = encoder.encode(frame, into: &bytes) { bytes.writeImmutableBuffer(payload) }
        }
        return bytes
    }

    /// Nothing more is sent; what the broker sends can still be read.
    package func halfClose() async throws {
        try await channel.close(mode: .output).get()
    }

    /// Closes both directions, as the kernel does for a process that was killed. Harmless when it is closed.
    package func close() async {
        try? await channel.close().get()
    }

    /// Closes with a reset.
    package func reset() async throws {
        try await (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        await close()
    }

    // MARK: Receiving

    /// The next frame of an id, 0 for the connection itself; frames of other ids are kept for who asks for them. Nil:
    /// the broker has closed its side. Throws what makes a frame unreadable. One caller at a time.
    package func next(of id: UInt64) async throws -> ServerFrame? {
        let answer = try await ask(.frame(id: id))
        return answer.frame
    }

    /// All frames of a call, to the one that says `last` or is an error; fewer where the connection ended first.
    package func frames(of id: UInt64) async throws -> [ServerFrame] {
        var frames: [ServerFrame] = []
        while let frame = try await next(of: id) {
            frames.append(frame)
            if frame.last { break }
        }
        return frames
    }

    /// Reads all that comes, in vain, until the broker has closed its side. Returns how many payload bytes there were.
    @discardableResult
    package func drain() async throws -> Int {
        try await ask(.end).payloadBytes
    }

    /// What has arrived until now, as it came, where that is kept.
    package var receivedBytes: [UInt8] {
        get async throws {
            let handler = handler
            return try await channel.eventLoop.submit { handler.bytes }.get()
        }
    }

    private func ask(_ wish: Handler.Wish) async throws -> Handler.Answer {
        let (loop, handler) = (channel.eventLoop, handler)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                loop.execute { handler.ask(wish, continuation) }
            }
        } onCancel: {
            loop.execute { handler.cancel() }
        }
    }
}

/// Waits for the broker's frames. `@unchecked Sendable`: only touched on the channel's event loop.
private final class Handler: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer

    enum Wish {
        case frame(id: UInt64)
        case end
    }

    struct Answer: Sendable {
        var frame: ServerFrame?
        var payloadBytes = 0
    }

    typealias Continuation = CheckedContinuation<Answer, any Error>

    private let givesCredit: Bool
    private let keepsBytes: Bool
    private(set) var bytes: [UInt8] = []
    private let decoder = ClientSideDecoder()
    private var accumulator = FrameAccumulator()
    private var context: ChannelHandlerContext?
    private var frames: [UInt64: [ServerFrame]] = [:]
    private var pending: (wish: Wish, continuation: Continuation)?
    private var isCancelled = false
    private var hasEnded = false
    private var failure: (any Error)?
    private var payloadBytes = 0

    init(givesCredit: Bool, keepsBytes: Bool) {
        self.givesCredit = givesCredit
        self.keepsBytes = keepsBytes
    }

    func ask(_ wish: Wish, _ continuation: Continuation) {
        if isCancelled { return continuation.resume(throwing: CancellationError()) }
        precondition(pending == nil, "one caller at a time")
        pending = (wish, continuation)
        answer()
        if pending != nil { context?.read() }
    }

    func cancel() {
        isCancelled = true
        pending?.continuation.resume(throwing: CancellationError())
        pending = nil
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        end()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let arrived = unwrapInboundIn(data)
        if keepsBytes { bytes += arrived.readableBytesView }
        accumulator.append(arrived)
        do {
            while let message = try accumulator.next() {
                take(try decoder.decode(message), context)
            }
        } catch {
            failure = error
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        answer()
        if pending != nil { context.read() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { end() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A reset is an end like another.
        context.close(promise: nil)
    }

    private func take(_ frame: ServerFrame, _ context: ChannelHandlerContext) {
        payloadBytes += frame.payload.readableBytes
        if case .end? = pending?.wish {
            // Nobody will ask for it.
        } else {
            frames[frame.id, default: []].append(frame)
        }
        guard givesCredit, frame.payload.readableBytes > 0 else { return }
        let bytes = UInt64(frame.payload.readableBytes)
        var windows = [ClientFrame(id: 0, body: .window(stream: 0, bytes: bytes))]
        if !frame.last { windows.append(ClientFrame(id: 0, body: .window(stream: frame.id, bytes: bytes))) }
        context.writeAndFlush(NIOAny(RawWireClient.bytes(of: windows)), promise: nil)
    }

    private func end() {
        hasEnded = true
        answer()
    }

    private func answer() {
        guard let (wish, continuation) = pending else { return }
        switch wish {
        case .frame(let id):
            if let kept = frames[id], let frame = kept.first {
                pending = nil
                frames[id] = kept.count > 1 ? Array(kept.dropFirst()) : nil
                return continuation.resume(returning: Answer(frame: frame))
            }
        case .end:
            frames.removeAll()
        }
        guard hasEnded || failure != nil else { return }
        pending = nil
        if let failure {
            continuation.resume(throwing: failure)
        } else {
            continuation.resume(returning: Answer(payloadBytes: payloadBytes))
        }
    }
}

/// A class around the decoder, which cannot be copied.
private final class ClientSideDecoder {
    private let decoder = ServerFrameDecoder()

    func decode(_ message: ByteBuffer) throws(FrameFault) -> ServerFrame { try decoder.decode(message) }
}
