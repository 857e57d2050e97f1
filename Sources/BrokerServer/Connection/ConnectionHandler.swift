internal import AgentBackend
internal import BrokerWire
internal import DequeModule
internal import NIOCore

/// One connection: cuts what arrives into frames, asks ``SessionStateMachine`` what they mean, hands calls to the
/// request handler a read batch at a time, and writes the answers of a batch in one go.
///
/// `@unchecked Sendable`: everything in it is touched on the channel's event loop alone; calls that wait run there
/// too, by ``EventLoopTaskExecutor``.
final class ConnectionHandler: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let settings: ConnectionSettings
    let handler: any RequestHandler
    let eventLoop: any EventLoop
    let executor: EventLoopTaskExecutor
    private let entry: ConnectionTable.Entry

    var machine: SessionStateMachine
    var session: Session?
    /// Of the session's org.
    var counters: OrgCounters?
    /// What the batch of calls that is under way has of its org's rate.
    var allowance = CallAllowance()
    /// As the client calls itself.
    private(set) var clientName = ""
    let acceptTime = ContinuousClock.now
    /// Bytes of frames, those included that wait to be sent.
    private(set) var bytesIn: UInt64 = 0
    private(set) var bytesOut: UInt64 = 0
    var sendWindow: SendWindow
    var receiveWindow: ReceiveWindow
    var creditWaiters = CreditWaiters()
    /// Bytes that streams took credit for and have not sent yet.
    var reserved = 0
    /// Bytes of answers since the channel is not writable.
    var backlog = 0
    /// Calls that wait, by id.
    var calls: [UInt64: ActiveCall] = [:]
    /// Lanes in which a call is under way, with the calls that wait for it.
    var lanes: [UInt32: Deque<Call>] = [:]
    /// Lanes whose call has ended and whose next one is about to begin.
    var freeLanes: [UInt32] = []
    var isStartingNext = false
    var isReadingBatch = false
    var isFinishingBatch = false
    /// Calls that a shutdown waits for.
    var drainedCalls: DrainedCalls?

    /// Nil: not yet, or no more.
    var context: ChannelHandlerContext?
    private var accumulator: FrameAccumulator
    private let decoder: ClientFrameDecoder
    private let encoder = ServerFrameEncoder()
    private var out = ByteBuffer()
    private var hasWritten = false
    private var isFlushScheduled = false
    private var isReadPending = false
    /// What has arrived is left alone until what waits to be written has become less.
    private var isPaused = false
    /// The peer has closed its side, which counts once all that it sent before was looked at.
    private var isInputClosePending = false
    var keepalive = KeepaliveTimer()
    /// Ends a connection that has no session yet: for want of a hello, or of a valid token.
    private var greetingTimeout: Scheduled<Void>?
    var closeTimeout: Scheduled<Void>?
    /// Succeeds when the channel is closed and every call has ended.
    private let gone: EventLoopPromise<Void>

    init(
        settings: ConnectionSettings,
        handler: any RequestHandler,
        eventLoop: any EventLoop,
        entry: ConnectionTable.Entry
    ) {
        self.settings = settings
        self.handler = handler
        self.eventLoop = eventLoop
        self.entry = entry
        executor = EventLoopTaskExecutor(eventLoop)
        machine = SessionStateMachine(maximumCallsInFlight: Int(settings.limits.maximumCallsInFlight))
        sendWindow = SendWindow(Int(settings.limits.connectionWindow))
        receiveWindow = ReceiveWindow(Int(settings.limits.connectionWindow))
        accumulator = FrameAccumulator(maximumMessageLength: FrameHeader.maximumHelloLength)
        decoder = ClientFrameDecoder(maximumHeadLength: Int(settings.limits.maximumHeadLength))
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
        // After a fault the rest is read and dropped, so that the peer gets to see the go-away.
        guard !machine.isClosed else { return }
        keepalive.heard()
        isReadingBatch = true
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
        context.fireChannelReadComplete()
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
        keepalive.stop()
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
            settings.admission.disconnect(session.principal.org.id)
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
            while !machine.isClosed, hasRoomForAnswers(), let message = try accumulator.next() {
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
            guard !machine.isClosed, let message = try accumulator.next() else { return }
            receive(message, handler)
        }
        accumulator.maximumMessageLength = Int(settings.limits.maximumFrameLength)
    }

    @inline(__always)
    private func receive(_ message: ByteBuffer, _ handler: isolated any RequestHandler) {
        do throws(FrameFault) {
            receive(try decoder.decode(message), FrameHeader.length + message.readableBytes, handler)
        } catch {
            receive(error)
        }
    }

    /// False: answers pile up that the peer does not read, and what else it has sent has to wait.
    private func hasRoomForAnswers() -> Bool {
        guard out.readableBytes > Self.largestBatch else { return true }
        flush()
        isPaused = isBacklogged
        return !isPaused
    }

    /// More waits to be written than a peer with credit can make wait.
    private var isBacklogged: Bool { sendWindow.isSuspended && backlog > settings.maximumUnsent }

    /// Bytes of answers that are gathered before they are written.
    private static var largestBatch: Int { 1 << 20 }

    private func resumeReceiving() {
        guard isPaused, !machine.isClosed, !isBacklogged else { return }
        isPaused = false
        isReadingBatch = true
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

    private func receive(_ frame: ClientFrame, _ size: Int, _ handler: isolated any RequestHandler) {
        switch frame.body {
        case .call(let operation):
            let call = Call(
                id: frame.id,
                target: frame.target,
                options: frame.options,
                operation: operation,
                payload: frame.payload,
                isWhole: frame.last || !operation.streamsFromCaller,
                size: size
            )
            receive(call, handler)
        case .chunk:
            receiveChunk(frame)
        case .window(let stream, let bytes):
            guard machine.isOpen else { return }
            attemptIfPutOff(stream)
            receiveCredit(stream: stream, bytes: bytes)
        case .cancel(let call):
            guard machine.isOpen else { return }
            attemptIfPutOff(call)
            cancelCall(call, Self.cancelled(maybeExecuted: calls[call]?.isRunning ?? false))
        case .ping(let nonce):
            if machine.isOpen { send(ServerFrame(id: 0, body: .pong(nonce: nonce))) }
        case .pong:
            break
        case .hello(let hello):
            receive(hello)
        case .goAway:
            // The client starts nothing more; it says so by closing its side as well.
            break
        case .unknown:
            receiveUnknown(frame)
        }
    }

    private func receiveUnknown(_ frame: ClientFrame) {
        let action = machine.receivedUnknown(frame.id)
        if case .ignore = action { return }
        guard draw(frame.payload.readableBytes) else { return }
        consumed(frame.payload.readableBytes)
        let error = BackendError(
            .notImplemented,
            message: "broker \(settings.serverVersion) does not know this operation: use a newer broker, or a client "
                + "that does without"
        )
        switch action {
        case .failCall: cancelCall(frame.id, error)
        case .refuseCall: refuse(frame.id, error)
        case .ignore: break
        }
    }

    /// What a peer says of a call that was put off to the end of the batch is not to be lost.
    private func attemptIfPutOff(_ id: UInt64) {
        guard let session, session.putOff.contains(where: { $0.call.id == id }) else { return }
        finishBatch()
    }

    /// Counts payload bytes that arrived. False: there was no credit for them, and the connection ends.
    private func draw(_ count: Int) -> Bool {
        guard count > 0 else { return true }
        guard receiveWindow.received(count), count <= Int(settings.limits.streamWindow) else {
            fail(Self.brokenCredit)
            return false
        }
        return true
    }

    private func receive(_ call: Call, _ handler: isolated any RequestHandler) {
        switch machine.receivedCall(call.id) {
        case .start:
            guard let session, draw(call.payload.readableBytes) else { return }
            // What was sent before it still has the lease.
            if case .release = call.operation, !session.putOff.isEmpty { finishBatch(session) }
            start(call, session, handler)
        case .refuse(let error):
            guard draw(call.payload.readableBytes) else { return }
            consumed(call.payload.readableBytes)
            send(ServerFrame(id: call.id, body: .error(error)))
        case .close(let error):
            fail(error)
        case .ignore:
            break
        }
    }

    /// A message that could not be taken, of a call or of the connection.
    private func receive(_ fault: FrameFault) {
        guard let id = fault.id else { return fail(fault.error) }
        if machine.isOpen {
            guard draw(fault.payloadLength) else { return }
            consumed(fault.payloadLength)
        }
        if calls[id] != nil { return cancelCall(id, fault.error) }
        refuse(id, fault.error)
    }

    /// Answers a call that was never begun.
    private func refuse(_ id: UInt64, _ error: BackendError) {
        switch machine.receivedCall(id) {
        case .start:
            send(ServerFrame(id: id, body: .error(error)))
            if case .close = machine.callEnded() { closeAfterFlush() }
        case .refuse(let error):
            send(ServerFrame(id: id, body: .error(error)))
        case .close(let error):
            fail(error)
        case .ignore:
            break
        }
    }

    private func receiveChunk(_ frame: ClientFrame) {
        switch machine.receivedChunk(frame.id) {
        case .deliver:
            let count = frame.payload.readableBytes
            guard draw(count) else { return }
            guard let call = calls[frame.id] else {
                // It ended meanwhile; what it had in flight is nobody's.
                return consumed(count)
            }
            switch call.stream.deliver(frame.payload, isLast: frame.last) {
            case .taken: keep(count, of: frame.id)
            case .overCredit: fail(Self.brokenCredit)
            case .afterLast where count == 0: break
            case .afterLast:
                consumed(count)
                cancelCall(frame.id, Self.pieceAfterLast)
            }
        case .close(let error):
            fail(error)
        case .ignore:
            break
        }
    }

    private func receive(_ hello: Hello) {
        switch machine.receivedHello(hello) {
        case .authenticate(let hello, let version):
            greetingTimeout?.cancel()
            switch settings.authenticate(hello.token) {
            case .success(let principal):
                do throws(BackendError) {
                    try settings.admission.connect(principal.org.id)
                } catch {
                    return fail(error)
                }
                // Otherwise another one has its place, and it is about to hear so.
                guard entry.authenticated(principal.org.id), machine.authenticated() else {
                    return settings.admission.disconnect(principal.org.id)
                }
                let session = Session(principal: principal)
                session.canSend = { [unowned self] in canSend($0) }
                self.session = session
                counters = settings.observer.connectionAuthenticated(principal, clientName: hello.clientName)
                clientName = hello.clientName
                send(ServerFrame(id: 0, body: .helloReply(helloReply(version, principal))))
                startKeepalive()
            case .failure(let error):
                // Guessing gets no faster by this, nor does a broken client spin.
                let failure = entry.authenticationFailed()
                settings.observer.authenticationFailed(failure, peer: peer)
                greetingTimeout = eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(failure.delay)) { [self] in
                    fail(error)
                }
            }
        case .close(let error):
            fail(error)
        case .ignore:
            break
        }
    }

    private func helloReply(_ version: UInt32, _ principal: Principal) -> HelloReply {
        HelloReply(
            version: version,
            serverVersion: settings.serverVersion,
            features: Feature.allCases.map(\.rawValue),
            node: settings.node,
            org: principal.org.name,
            limits: settings.limits,
            serverTime: UInt64(clamping: systemWallClock() / 1_000_000)
        )
    }

    private func inputClosed() {
        isInputClosePending = isPaused
        guard !isPaused else { return }
        guard accumulator.isAtBoundary || machine.isClosed else {
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

    private func finishBatch() {
        guard let session else { return }
        finishBatch(session)
        settle(session)
    }

    private func startKeepalive() {
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
        if let payload = encoder.encode(frame, into: &out) {
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
            flush()
        }
    }

    func flush() {
        guard let context else { return }
        if out.readableBytes > 0 {
            if sendWindow.isSuspended { backlog += out.readableBytes }
            bytesOut += UInt64(out.readableBytes)
            context.writeAndFlush(wrapOutboundOut(out), promise: nil)
            out.clear()
            hasWritten = false
        } else if hasWritten {
            context.flush()
            hasWritten = false
        }
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
