internal import AgentBackend
internal import BrokerWire
internal import DequeModule
internal import NIOCore

/// One connection: cuts what arrives into frames, asks ``SessionStateMachine`` what they mean, hands calls to the
/// request handler a read batch at a time, and writes the answers of a batch in one go.
///
/// `@unchecked Sendable`: everything in it is touched on the channel's event loop alone; calls that wait run there
/// too, by ``EventLoopTaskExecutor``.
///
/// `@exclusivity(unchecked)`: what every frame touches. The runtime's checks took a twelfth of the time of a small call.
/// They would find nothing: none of these is handed `inout` to code that comes back here.
final class ConnectionHandler: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let settings: ConnectionSettings
    let handler: any RequestHandler
    let eventLoop: any EventLoop
    let executor: EventLoopTaskExecutor
    let entry: ConnectionTable.Entry
    /// Where whoever it is served for is, when that is not its own peer.
    let client: SocketAddress?

    @exclusivity(unchecked) var machine: SessionStateMachine
    @exclusivity(unchecked) var session: Session?
    /// Of the session's org.
    var counters: OrgCounters?
    let meter = CallMeter()
    /// What the batch of calls that is under way has of its org's rate.
    @exclusivity(unchecked) var allowance = CallAllowance()
    /// As the client calls itself.
    var clientName = ""
    let acceptTime = ContinuousClock.now
    /// Bytes of frames, those included that wait to be sent.
    @exclusivity(unchecked) private(set) var bytesIn: UInt64 = 0 {
        didSet { meter.received(bytes: Int(bytesIn - oldValue)) }
    }
    @exclusivity(unchecked) private(set) var bytesOut: UInt64 = 0 {
        didSet { meter.sent(bytes: Int(bytesOut - oldValue)) }
    }
    @exclusivity(unchecked) var sendWindow: SendWindow
    @exclusivity(unchecked) var receiveWindow: ReceiveWindow
    var creditWaiters = CreditWaiters()
    /// Bytes that streams took credit for and have not sent yet.
    var reserved = 0
    /// Bytes of answers since the channel is not writable.
    @exclusivity(unchecked) var backlog = 0
    /// Calls that wait, by id.
    @exclusivity(unchecked) var calls: [UInt64: ActiveCall] = [:]
    /// Lanes in which a call is under way, with the calls that wait for it.
    var lanes: [UInt32: Deque<Call>] = [:]
    /// Lanes whose call has ended and whose next one is about to begin.
    var freeLanes: [UInt32] = []
    var isStartingNext = false
    @exclusivity(unchecked) var isReadingBatch = false
    @exclusivity(unchecked) var isFinishingBatch = false
    /// Calls that a shutdown waits for.
    @exclusivity(unchecked) var drainedCalls: DrainedCalls?

    /// Nil: not yet, or no more.
    @exclusivity(unchecked) var context: ChannelHandlerContext?
    private var accumulator: FrameAccumulator
    /// That of the event loop.
    private let codec: FrameCodec
    let poller: BusyPoller
    @exclusivity(unchecked) private var out = ByteBuffer()
    @exclusivity(unchecked) private var hasWritten = false
    private var isFlushScheduled = false
    private var isReadPending = false
    /// What has arrived is left alone until what waits to be written has become less, and what is owed is paid.
    var isPaused = false
    /// Looks whether it is.
    var debtTimeout: Scheduled<Void>?
    /// Frames of credit that the peer may send for what it was sent.
    var freeWindows = 0
    /// Of ``bytesOut``: what the kernel has taken at least, and up to where that is followed.
    var bytesTaken: UInt64 = 0
    var bytesFollowed: UInt64 = 0
    /// As its org's account has it.
    var countedBuffers = 0
    /// The peer has closed its side, which counts once all that it sent before was looked at.
    private var isInputClosePending = false
    var keepalive = KeepaliveTimer()
    /// Ends a connection that has no session yet: for want of a hello, or of a valid token.
    var greetingTimeout: Scheduled<Void>?
    var closeTimeout: Scheduled<Void>?
    /// Succeeds when the channel is closed and every call has ended.
    private let gone: EventLoopPromise<Void>

    init(
        settings: ConnectionSettings,
        handler: any RequestHandler,
        eventLoop: any EventLoop,
        codec: FrameCodec,
        poller: BusyPoller,
        entry: ConnectionTable.Entry,
        client: SocketAddress? = nil
    ) {
        self.settings = settings
        self.handler = handler
        self.eventLoop = eventLoop
        self.codec = codec
        self.poller = poller
        self.entry = entry
        self.client = client
        executor = EventLoopTaskExecutor(eventLoop)
        machine = SessionStateMachine(maximumCallsInFlight: Int(settings.limits.maximumCallsInFlight))
        sendWindow = SendWindow(Int(settings.limits.connectionWindow))
        receiveWindow = ReceiveWindow(Int(settings.limits.connectionWindow))
        accumulator = FrameAccumulator(maximumMessageLength: FrameHeader.maximumHelloLength)
        gone = eventLoop.makePromise()
    }

    /// Succeeds when nothing of the connection is left.
    var whenGone: EventLoopFuture<Void> { gone.futureResult }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { begin() }
    }

    func channelActive(context: ChannelHandlerContext) {
        begin()
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // After a fault, or a wrong token, the rest is read and dropped, so that the peer gets to see the go-away.
        guard machine.takesInput else { return }
        keepalive.heard()
        beginBatch()
        let bytes = unwrapInboundIn(data)
        bytesIn += UInt64(bytes.readableBytes)
        accumulator.append(bytes)
        guard !isPaused else { return }
        handler.inIsolation { receiveFrames($0) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        finishBatch()
        isReadingBatch = false
        flush()
        accountForBuffers()
        context.fireChannelReadComplete()
        pollIfWorthwhile()
    }

    /// Where the peer is likely to send again at once, the event loop waits for that once it has done what else there is.
    private func pollIfWorthwhile() {
        guard session != nil, machine.isOpen, calls.isEmpty else { return }
        guard poller.answered(entry.number, limit: settings.busyPoll) else { return }
        eventLoop.assumeIsolated().execute { [self] in
            guard let context else { return }
            poller.wait(for: context.channel, limit: settings.busyPoll)
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            resumeSenders()
            if isPaused {
                // Not from within the write that made room.
                eventLoop.assumeIsolated().execute { [self] in resumeReceiving() }
            } else {
                readIfPending()
            }
        } else {
            suspendSenders()
        }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event {
            inputClosed()
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        _ = machine.close()
        end()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        end()
    }

    private func begin() {
        guard greetingTimeout == nil, machine.isAwaitingHello else { return }
        settings.observer.connectionAccepted()
        greetingTimeout = eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(settings.helloDeadline)) { [self] in
            guard machine.isAwaitingHello else { return }
            fail(
                BackendError(
                    .deadlineExceeded,
                    message: "no hello within \(settings.helloDeadline): send it as soon as you are connected"
                )
            )
        }
    }

    var hasEnded = false
    private var isGone = false

    deinit {
        // Never a part of a channel.
        if !isGone { gone.succeed() }
    }

    /// The channel is gone: what still runs is ended.
    private func end() {
        guard !hasEnded else { return }
        hasEnded = true
        greetingTimeout?.cancel()
        closeTimeout?.cancel()
        debtTimeout?.cancel()
        keepalive.stop()
        releaseBuffers()
        cancelAllCalls(BackendError(.connectionClosed, message: "the connection was lost"))
        endIfDone()
    }

    /// Called when the channel closed, and when a call ended.
    func endIfDone() {
        guard hasEnded, calls.isEmpty, !isGone else { return }
        isGone = true
        drainedCalls?.connectionEnded()
        if let session {
            handler.sessionEnded(session)
            settings.admission.disconnect(session.org)
        }
        settings.observer.connectionEnded(session?.principal)
        session = nil
        gone.succeed()
    }

    // MARK: Receiving

    private func receiveFrames(_ handler: isolated any RequestHandler) {
        // Worked on as a local value: each use of a stored one is checked for exclusive access.
        var accumulator = accumulator
        self.accumulator = FrameAccumulator()
        // Calls begin before the bytes that they came in are paid for.
        var received = 0
        defer {
            self.accumulator = accumulator
            allowance.bytes += received
        }
        do throws(BackendError) {
            if session == nil { try receiveGreeting(&accumulator, handler) }
            while machine.takesInput, mayGoOn(), let message = try accumulator.next() {
                received += FrameHeader.length + message.readableBytes
                receive(message, handler)
            }
        } catch {
            fail(error)
        }
    }

    /// Frames up to the hello, which are short: nobody is lent memory before it is known who asks.
    private func receiveGreeting(
        _ accumulator: inout FrameAccumulator,
        _ handler: isolated any RequestHandler
    ) throws(BackendError) {
        while session == nil {
            guard machine.takesInput, let message = try accumulator.next() else { return }
            receive(message, handler)
        }
        accumulator.maximumMessageLength = Int(settings.limits.maximumFrameLength)
    }

    @inline(__always)
    private func receive(_ message: ByteBuffer, _ handler: isolated any RequestHandler) {
        do throws(FrameFault) {
            receive(try codec.decoder.decode(message), FrameHeader.length + message.readableBytes, handler)
        } catch {
            receive(error)
        }
    }

    /// False: answers pile up that the peer does not read, or it owes for what it has sent; what else came has to wait.
    private func mayGoOn() -> Bool {
        if allowance.calls <= -CallAllowance.batch, let session { settle(session) }
        guard !isPaused else { return false }
        guard out.readableBytes > Self.largestBatch else { return true }
        flush()
        isPaused = isBacklogged
        return !isPaused
    }

    /// More waits to be written than a peer with credit can make wait.
    private var isBacklogged: Bool { sendWindow.isSuspended && backlog > settings.maximumUnsent }

    /// Bytes of answers that are gathered before they are written.
    private static var largestBatch: Int { 1 << 20 }

    /// Bytes of a frame that is not whole, and of those that have to wait.
    var unfinishedBytes: Int { accumulator.count }

    func resumeReceiving() {
        guard isPaused, !machine.isClosed, !isBacklogged, debtTimeout == nil else { return }
        isPaused = false
        beginBatch()
        handler.inIsolation { receiveFrames($0) }
        finishBatch()
        isReadingBatch = false
        flush()
        guard !isPaused else { return }
        if isInputClosePending { inputClosed() }
        readIfPending()
    }

    private func readIfPending() {
        guard isReadPending else { return }
        isReadPending = false
        context?.read()
    }

    private func inputClosed() {
        isInputClosePending = isPaused
        guard !isPaused else { return }
        guard accumulator.isAtBoundary || !machine.takesInput else {
            return fail(BackendError(.protocolError, message: "the connection was closed in the middle of a frame"))
        }
        switch machine.inputClosed() {
        case .close:
            closeAfterFlush()
        case .wait:
            for call in calls.values { call.stream.inputClosed() }
            inputEnded()
            // The peer may have closed its side only, or be gone altogether: writing to it tells. It cannot answer.
            keepalive.expectNoAnswers()
            keepalive.probe()
        }
    }

    func finishBatch() {
        guard let session else { return }
        finishBatch(session)
        settle(session)
    }

    func startKeepalive() {
        keepalive.start(
            on: eventLoop,
            interval: TimeAmount(settings.limits.keepaliveInterval),
            misses: settings.keepaliveMisses
        ) { [weak self] action in
            guard let self else { return }
            switch action {
            case .wait:
                break
            case .ping(let nonce):
                send(ServerFrame(id: 0, body: .ping(nonce: nonce)))
            case .giveUp:
                context?.close(promise: nil)
            }
        }
    }

    // MARK: Sending

    /// Appends a frame. Those of one read batch, or of one turn of the event loop, are written together.
    func send(_ frame: ServerFrame) {
        guard let context else { return }
        if frame.payload.readableBytes > 0 { expectCredit() }
        if let payload = codec.encoder.encode(frame, into: &out) {
            bytesOut += UInt64(out.readableBytes + payload.readableBytes)
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
            // It has more to do than to answer one peer at once.
            poller.breakRow()
            flush()
        }
    }

    func flush() {
        meter.endBatch()
        guard let context else { return }
        if out.readableBytes > 0 {
            if sendWindow.isSuspended { backlog += out.readableBytes }
            bytesOut += UInt64(out.readableBytes)
            context.write(wrapOutboundOut(out), promise: nil)
            hasWritten = true
        }
        guard hasWritten else { return }
        let isFollowed = followWritten()
        context.flush()
        // Not before: its memory is used again once it is written.
        out.clear()
        hasWritten = false
        if isFollowed { accountForBuffers() }
    }

    /// Payload bytes were used up: the peer gets credit for more, now and then.
    func consumed(_ bytes: Int) {
        guard bytes > 0, let credit = receiveWindow.consumed(bytes), machine.isOpen else { return }
        send(ServerFrame(id: 0, body: .window(stream: 0, bytes: UInt64(credit))))
    }
}

extension ConnectionHandler: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer

    /// Reading stops while more waits to be written than a peer with credit can make wait.
    func read(context: ChannelHandlerContext) {
        if !isBacklogged, !isPaused {
            context.read()
        } else {
            isReadPending = true
        }
    }
}
