internal import AgentBackend
internal import BrokerWire
internal import NIOCore

/// What each frame of the peer means to the connection.
extension ConnectionHandler {
    func receive(_ frame: consuming ClientFrame, _ size: Int, _ handler: isolated any RequestHandler) {
        pay(for: frame)
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
        guard let session, session.batch.calls.contains(where: { $0.call.id == id }) else { return }
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
            if case .release = call.operation, !session.batch.calls.isEmpty { finishBatch(session) }
            if session.batch.isFull { finishBatch(session) }
            start(call, session, handler)
        case .refuse(let error):
            allowance.calls -= 1
            guard draw(call.payload.readableBytes) else { return }
            consumed(call.payload.readableBytes)
            send(ServerFrame(id: call.id, body: .error(error)))
            count(call.operation.counted, error.code)
        case .close(let error):
            fail(error)
        case .ignore:
            break
        }
    }

    /// A message that could not be taken, of a call or of the connection.
    func receive(_ fault: FrameFault) {
        guard let id = fault.id else { return fail(fault.error) }
        if session != nil { allowance.calls -= 1 }
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
            count(.unknown, error.code)
            if case .close = machine.callEnded() { closeAfterFlush() }
        case .refuse(let error):
            send(ServerFrame(id: id, body: .error(error)))
            count(.unknown, error.code)
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
            guard let call = calls[frame.id], call.cause == nil else {
                // It ended meanwhile, or is about to; what it had in flight is nobody's.
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
                // Whatever its org may, others at its address have nothing to do with that. Where another one has its
                // place, it is about to hear so.
                guard entry.authenticated(principal.org.id) else { return }
                do throws(BackendError) {
                    try settings.admission.connect(principal.org.id)
                } catch {
                    return fail(error)
                }
                guard machine.authenticated() else { return settings.admission.disconnect(principal.org.id) }
                let session = Session(principal: principal)
                session.canSend = { [unowned self] in canSend($0) }
                session.auditCaller = auditCaller(principal, hello)
                self.session = session
                begin(counting: settings.observer.connectionAuthenticated(principal, clientName: hello.clientName))
                clientName = hello.clientName
                send(ServerFrame(id: 0, body: .helloReply(helloReply(version, principal))))
                startKeepalive()
            case .failure(let error):
                // Guessing gets no faster by this, nor does a broken client spin.
                let failure = entry.authenticationFailed()
                settings.observer.authenticationFailed(failure, of: stranger(hello))
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

    private func stranger(_ hello: Hello) -> Stranger {
        Stranger(
            tokenID: Token.id(in: Array(hello.token.utf8.prefix(Token.length + 1))) ?? "",
            clientName: hello.clientName,
            connection: entry.number,
            address: client ?? context?.remoteAddress
        )
    }

    private func helloReply(_ version: UInt32, _ principal: Principal) -> HelloReply {
        HelloReply(
            version: version,
            serverVersion: settings.serverVersion,
            features: Feature.allCases.map(\.rawValue),
            node: settings.node,
            org: principal.org.name,
            limits: settings.limits,
            serverTime: UInt64(clamping: systemWallClock() / 1_000_000),
            instance: settings.instance,
            isOperator: principal.isOperator,
            isReadOnly: principal.isReadOnly
        )
    }
}
