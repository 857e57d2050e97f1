internal import AgentBackend
internal import BrokerWire
internal import NIOCore

/// One connection to a broker: cuts what arrives into frames, hands answers to the calls that wait for them, and writes
/// what calls send in one go per turn of the event loop.
///
/// `@unchecked Sendable`: everything in it but constants is touched on the channel's event loop alone.
final class ClientConnectionHandler: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    typealias Queue = SendQueue<CheckedContinuation<ClientCall.SendOutcome, Never>>

    let eventLoop: any EventLoop
    let configuration: BrokerConnection.Configuration

    var machine = ConversationStateMachine()
    /// Of the broker's greeting.
    private(set) var limits = ConnectionLimits()
    /// Of the greeting.
    private(set) var instance: UInt64 = 0
    /// Calls that are not yet answered to their end, by id.
    var calls: [UInt64: PendingCall] = [:]
    var sendQueue = Queue(window: 0)

    private var receiveWindow = ReceiveWindow(0)
    private var accumulator = FrameAccumulator()
    private let decoder = ServerFrameDecoder()
    private let encoder = ClientFrameEncoder()
    /// Nil: not yet, or no more.
    private var context: ChannelHandlerContext?
    private var out = ByteBuffer()
    private var hasWritten = false
    private var isReadingBatch = false
    private var isFlushScheduled = false
    private var keepalive: Keepalive
    private var greeting: EventLoopPromise<BrokerGreeting>?
    /// Of the greeting, then of keep-alive, then of the end: one at a time.
    private var timer: Scheduled<Void>?
    /// Who makes the connection again. Nil: it ends for good.
    weak var keeper: (any ConnectionKeeper)?

    init(eventLoop: any EventLoop, configuration: BrokerConnection.Configuration) {
        self.eventLoop = eventLoop
        self.configuration = configuration
        keepalive = Keepalive(maximumMisses: configuration.keepaliveMisses)
    }

    /// On the event loop.
    var takesCalls: Bool { machine.isOpen }

    /// Says hello. Safe to use from any thread. The future fails with a ``BackendError``.
    func greet(token: String) -> EventLoopFuture<BrokerGreeting> {
        let promise = eventLoop.makePromise(of: BrokerGreeting.self)
        eventLoop.execute { [self] in
            guard context != nil, machine.isAwaitingReply else {
                return promise.fail((machine.end ?? .lost(cause: nil)).errorOfGreeting)
            }
            greeting = promise
            send(ClientFrame(id: 0, body: .hello(Hello(token: token, clientName: configuration.clientName))))
            let deadline = configuration.helloDeadline
            setTimer(deadline) { $0.end(.fault(Self.noGreeting(deadline))) }
        }
        return promise.futureResult
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !machine.isClosed else { return }
        keepalive.heard()
        isReadingBatch = true
        accumulator.append(unwrapInboundIn(data))
        receiveFrames()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReadingBatch = false
        flush()
        context.fireChannelReadComplete()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if machine.isAwaitingReply, let error = error as? BackendError {
            finish(.refused(error))
        } else {
            finish(.lost(cause: machine.goAwayError ?? error))
        }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        finish(.lost(cause: machine.goAwayError))
        timer?.cancel()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        finish(.lost(cause: nil))
    }

    // MARK: Receiving

    private func receiveFrames() {
        do throws(BackendError) {
            while !machine.isClosed, let message = try accumulator.next() {
                do throws(FrameFault) {
                    let frame = try decoder.decode(message)
                    if machine.isAwaitingReply {
                        receiveGreeting(frame)
                    } else {
                        receive(frame)
                    }
                } catch {
                    receive(error)
                }
            }
        } catch {
            end(.fault(error))
        }
    }

    private func receiveGreeting(_ frame: ServerFrame) {
        switch frame.body {
        case .helloReply(let reply): receive(reply)
        case .goAway(let goAway): receive(goAway)
        case .error(let error): end(.refused(error))
        default: end(.fault(Self.earlyFrame))
        }
    }

    private func receive(_ frame: ServerFrame) {
        switch frame.body {
        case .reply(let reply):
            receive(AnswerPart(reply: reply, payload: frame.payload, isLast: frame.last), of: frame.id)
        case .chunk:
            receive(AnswerPart(reply: nil, payload: frame.payload, isLast: frame.last), of: frame.id)
        case .error(let error):
            guard frame.id != 0 else { return end(.lost(cause: error)) }
            receive(error, of: frame.id)
        case .window(let stream, let bytes):
            guard sendQueue.granted(bytes, stream: stream) else { return end(.fault(Self.endlessCredit)) }
            sendQueued()
        case .ping(let nonce):
            send(ClientFrame(id: 0, body: .pong(nonce: nonce)))
        case .pong:
            break
        case .helloReply(let reply):
            receive(reply)
        case .goAway(let goAway):
            receive(goAway)
        case .unknown:
            guard frame.id != 0 else { return }
            guard frame.last else { return receive(unintelligible: Self.unknownAnswer, of: frame.id) }
            receive(Self.unknownAnswer, of: frame.id)
        }
    }

    private func receive(_ fault: FrameFault) {
        guard let id = fault.id, !machine.isAwaitingReply else { return end(.fault(fault.error)) }
        receive(unintelligible: fault.error, of: id)
    }

    private func receive(_ reply: HelloReply) {
        guard reply.version == protocolVersion,
            machine.receivedHelloReply(maximumCallsInFlight: Int(reply.limits.maximumCallsInFlight))
        else { return end(.fault(Self.strangeGreeting(reply.version))) }
        let accepted = BrokerGreeting(reply)
        limits = accepted.limits
        instance = accepted.instance
        sendQueue = Queue(window: Int(reply.limits.connectionWindow))
        receiveWindow = ReceiveWindow(Int(reply.limits.connectionWindow))
        timer?.cancel()
        if reply.limits.keepaliveInterval > .zero { scheduleKeepalive(reply.limits.keepaliveInterval) }
        greeting?.succeed(accepted)
        greeting = nil
    }

    /// False: the broker sent more than it had credit for.
    func received(_ bytes: Int) -> Bool { receiveWindow.received(bytes) }

    private func scheduleKeepalive(_ interval: Duration) {
        setTimer(interval) { connection in
            switch connection.keepalive.intervalPassed() {
            case .wait:
                break
            case .ping(let nonce):
                connection.send(ClientFrame(id: 0, body: .ping(nonce: nonce)))
            case .giveUp:
                connection.finish(.lost(cause: Self.silentBroker))
                connection.context?.close(promise: nil)
                return
            }
            connection.scheduleKeepalive(interval)
        }
    }

    private func setTimer(_ delay: Duration, _ body: @escaping (ClientConnectionHandler) -> Void) {
        timer?.cancel()
        timer = eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(delay)) { [self] in body(self) }
    }

    // MARK: Sending

    /// Appends a frame. Those of one batch that was read, or of one turn of the event loop, are written together.
    func send(_ frame: ClientFrame) {
        guard let context else { return }
        if let payload = encoder.encode(frame, into: &out) {
            context.write(wrapOutboundOut(out), promise: nil)
            context.write(wrapOutboundOut(payload), promise: nil)
            out = ByteBuffer()
            hasWritten = true
        }
        scheduleFlush()
    }

    private func scheduleFlush() {
        guard !isReadingBatch, !isFlushScheduled else { return }
        isFlushScheduled = true
        eventLoop.assumeIsolated().execute { [self] in
            isFlushScheduled = false
            flush()
        }
    }

    private func flush() {
        guard let context else { return }
        if out.readableBytes > 0 {
            context.writeAndFlush(wrapOutboundOut(out), promise: nil)
            out.clear()
            hasWritten = false
        } else if hasWritten {
            context.flush()
            hasWritten = false
        }
    }

    /// Payload bytes have arrived: the broker gets credit for more, now and then.
    func consumed(_ bytes: Int) {
        guard bytes > 0, let credit = receiveWindow.consumed(bytes), !machine.isClosed else { return }
        send(ClientFrame(id: 0, body: .window(stream: 0, bytes: UInt64(credit))))
    }

    // MARK: Ending

    /// Ends the connection from this side. A broker at fault hears why: then our side is closed first, and the channel
    /// when the broker has read that, for a close with unread bytes would take the go-away with it.
    func end(_ cause: ConnectionEnd) {
        guard !machine.isClosed else { return }
        var closeMode = CloseMode.all
        if case .fault(let error) = cause, !machine.isAwaitingReply {
            send(ClientFrame(id: 0, body: .goAway(GoAway(error: error, lastID: 0))))
            closeMode = .output
        }
        finish(cause)
        isReadingBatch = false
        flush()
        context?.close(mode: closeMode, promise: nil)
        if closeMode == .output { setTimer(.seconds(1)) { $0.context?.close(promise: nil) } }
    }

    /// Ends the connection in a while, where it has not ended by then.
    func endAfter(_ time: Duration) {
        setTimer(time) { $0.end(.closedByOwner) }
    }

    /// The conversation is over: everyone who waits is told.
    private func finish(_ cause: ConnectionEnd) {
        guard machine.close(cause) else { return }
        greeting?.fail(cause.errorOfGreeting)
        greeting = nil
        keeper?.connectionEnded(self, cause)
        for id in calls.keys.sorted() { failCall(id, cause) }
    }
}
