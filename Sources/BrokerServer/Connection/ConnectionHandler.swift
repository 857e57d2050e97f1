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

    var machine: SessionStateMachine
    var session: Session?
    /// Of the session's org.
    var counters: OrgCounters?
    var flow: FlowControl
    var creditWaiters = CreditWaiters()
    /// Calls that wait, by id.
    var calls: [UInt64: ActiveCall] = [:]
    /// Lanes in which a call is under way, with the calls that wait for it.
    var lanes: [UInt32: Deque<Call>] = [:]

    /// Nil: not yet, or no more.
    private var context: ChannelHandlerContext?
    private var accumulator: FrameAccumulator
    private let decoder: ClientFrameDecoder
    private let encoder = ServerFrameEncoder()
    private var out = ByteBuffer()
    private var hasWritten = false
    private var isReadingBatch = false
    private var isFlushScheduled = false
    private var isReadPending = false
    private var keepalive = KeepaliveTimer()
    private var helloTimeout: Scheduled<Void>?
    /// Succeeds when the channel is closed and every call has ended.
    private let gone: EventLoopPromise<Void>

    init(settings: ConnectionSettings, handler: any RequestHandler, eventLoop: any EventLoop) {
        self.settings = settings
        self.handler = handler
        self.eventLoop = eventLoop
        executor = EventLoopTaskExecutor(eventLoop)
        machine = SessionStateMachine(maximumCallsInFlight: Int(settings.limits.maximumCallsInFlight))
        flow = FlowControl(window: Int(settings.limits.connectionWindow))
        accumulator = FrameAccumulator(maximumMessageLength: Int(settings.limits.maximumFrameLength))
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
        accumulator.append(unwrapInboundIn(data))
        handler.inIsolation { receiveFrames($0) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        finishBatch()
        isReadingBatch = false
        flush()
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable, isReadPending {
            isReadPending = false
            context.read()
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
        guard helloTimeout == nil, machine.isAwaitingHello else { return }
        settings.observer.connectionAccepted()
        helloTimeout = eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(settings.helloDeadline)) { [self] in
            guard machine.isAwaitingHello else { return }
            fail(
                BackendError(
                    .deadlineExceeded,
                    message: "no hello within \(settings.helloDeadline): send it as soon as you are connected"
                )
            )
        }
    }

    private var hasEnded = false

    /// The channel is gone: what still runs is ended.
    private func end() {
        guard !hasEnded else { return }
        hasEnded = true
        helloTimeout?.cancel()
        keepalive.stop()
        cancelAllCalls(BackendError(.connectionClosed, message: "the connection was lost"))
        endIfDone()
    }

    /// Called when the channel closed, and when a call ended.
    func endIfDone() {
        guard hasEnded, calls.isEmpty else { return }
        if let session { handler.sessionEnded(session) }
        settings.observer.connectionEnded(session?.principal)
        session = nil
        gone.succeed()
    }

    // MARK: Receiving

    private func receiveFrames(_ handler: isolated any RequestHandler) {
        // Worked on as a local value: each use of a stored one is checked for exclusive access.
        var accumulator = accumulator
        self.accumulator = FrameAccumulator()
        defer { self.accumulator = accumulator }
        do throws(BackendError) {
            while !machine.isClosed, let message = try accumulator.next() {
                do throws(FrameFault) {
                    receive(try decoder.decode(message), handler)
                } catch {
                    receive(error)
                }
            }
        } catch {
            fail(error)
        }
    }

    private func receive(_ frame: ClientFrame, _ handler: isolated any RequestHandler) {
        switch frame.body {
        case .call(let operation):
            let call = Call(
                id: frame.id,
                target: frame.target,
                options: frame.options,
                operation: operation,
                payload: frame.payload,
                isWhole: frame.last || !operation.streamsFromCaller
            )
            receive(call, handler)
        case .chunk:
            receiveChunk(frame)
        case .window(let stream, let bytes):
            if machine.isOpen { receiveCredit(stream: stream, bytes: bytes) }
        case .cancel(let call):
            if machine.isOpen { cancelCall(call, Self.cancelled) }
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
            guard frame.id > 0 else { return }
            refuse(
                frame.id,
                BackendError(
                    .notImplemented,
                    message: "broker \(settings.serverVersion) does not know this operation: use a newer broker, or a "
                        + "client that does without"
                )
            )
        }
    }

    private func receive(_ call: Call, _ handler: isolated any RequestHandler) {
        switch machine.receivedCall(call.id) {
        case .start:
            guard let session else { return }
            let count = call.payload.readableBytes
            if count > 0, !flow.received(count) || count > Int(settings.limits.streamWindow) {
                return fail(Self.brokenCredit)
            }
            start(call, session, handler)
        case .refuse(let error):
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
            guard flow.received(count) else { return fail(Self.brokenCredit) }
            guard let call = calls[frame.id] else {
                // It ended meanwhile; what it had in flight is nobody's.
                return consumed(count)
            }
            guard call.stream.deliver(frame.payload, isLast: frame.last) else { return fail(Self.brokenCredit) }
        case .close(let error):
            fail(error)
        case .ignore:
            break
        }
    }

    private func receive(_ hello: Hello) {
        switch machine.receivedHello(hello) {
        case .authenticate(let hello, let version):
            helloTimeout?.cancel()
            switch settings.authenticate(hello.token) {
            case .success(let principal):
                guard machine.authenticated() else { return }
                session = Session(principal: principal)
                counters = settings.observer.connectionAuthenticated(principal, clientName: hello.clientName)
                send(ServerFrame(id: 0, body: .helloReply(helloReply(version, principal))))
                startKeepalive()
            case .failure(let error):
                // Guessing gets no faster by this, nor does a broken client spin.
                eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(settings.authFailureDelay)) { [self] in
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
        guard accumulator.isAtBoundary || machine.isClosed else {
            return fail(BackendError(.protocolError, message: "the connection was closed in the middle of a frame"))
        }
        switch machine.inputClosed() {
        case .close:
            closeAfterFlush()
        case .wait:
            for call in calls.values { call.stream.inputClosed() }
            // The peer may have closed its side only, or be gone altogether: writing to it tells. It cannot answer.
            keepalive.expectNoAnswers()
            keepalive.probe()
        }
    }

    private func finishBatch() {
        guard let session else { return }
        handler.inIsolation { handler in
            repeat {
                for (call, attempt) in handler.finishBatch(in: session) { finish(call, attempt, session, handler) }
            } while !session.putOff.isEmpty
        }
    }

    private func startKeepalive() {
        keepalive.start(
            on: eventLoop,
            interval: TimeAmount(settings.limits.keepaliveInterval),
            misses: settings.keepaliveMisses
        ) { [weak self] event in
            guard let self else { return }
            switch event {
            case .ping(let nonce):
                send(ServerFrame(id: 0, body: .ping(nonce: nonce)))
            case .dead:
                context?.close(promise: nil)
            }
        }
    }

    // MARK: Sending

    /// Appends a frame. Those of one read batch, or of one turn of the event loop, are written together.
    func send(_ frame: ServerFrame) {
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

    /// Payload bytes were used up: the peer gets credit for more, now and then.
    func consumed(_ bytes: Int) {
        guard bytes > 0, let credit = flow.consumed(bytes), machine.isOpen else { return }
        send(ServerFrame(id: 0, body: .window(stream: 0, bytes: UInt64(credit))))
    }

    // MARK: Ending

    /// Ends the connection for a fault, after a go-away that names it.
    func fail(_ error: BackendError) {
        let lastID = machine.close() ?? 0
        settings.observer.connectionFailed(error, peer: context?.remoteAddress?.description ?? "unix")
        send(ServerFrame(id: 0, body: .goAway(GoAway(error: error, lastID: lastID))))
        closeAfterFlush()
        cancelAllCalls(error)
    }

    /// The broker shuts down.
    func drain(_ timeout: Duration) {
        switch machine.drain() {
        case .sendGoAway(let lastID, let isIdle):
            send(ServerFrame(id: 0, body: .goAway(GoAway(error: nil, lastID: lastID, drain: timeout))))
            if isIdle { closeAfterFlush() }
        case .close:
            closeAfterFlush()
        case .ignore:
            break
        }
    }

    /// Closes our side, so that the peer reads all of it, and the channel when the peer has closed too. A close with
    /// unread bytes would reset the connection and take the last frames with it.
    func closeAfterFlush() {
        isReadingBatch = false
        flush()
        guard let context else { return }
        context.close(mode: .output, promise: nil)
        eventLoop.assumeIsolated().scheduleTask(in: .seconds(1)) { [self] in
            self.context?.close(promise: nil)
        }
    }

    private static var cancelled: BackendError {
        BackendError(.cancelled, message: "the call was cancelled by its caller")
    }

    private static var brokenCredit: BackendError {
        BackendError(.protocolError, message: "more payload bytes than there was credit for: wait for a window frame")
    }
}

extension ConnectionHandler: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer

    /// Reading stops while more waits to be written than a peer with credit can make wait.
    func read(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            context.read()
        } else {
            isReadPending = true
        }
    }
}
