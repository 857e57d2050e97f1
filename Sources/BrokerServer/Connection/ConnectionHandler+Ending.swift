internal import AgentBackend
internal import BrokerWire
internal import NIOCore

/// How a connection ends: for a fault, for a shutdown, or because all is answered.
extension ConnectionHandler {
    /// Ends the connection for a fault, after a go-away that names it, and soon: at once where it is ending already.
    func fail(_ error: BackendError) {
        if let lastID = machine.close() {
            settings.observer.connectionFailed(error, peer: peer)
            send(ServerFrame(id: 0, body: .goAway(GoAway(error: error, lastID: lastID))))
            closeAfterFlush()
            cancelAllCalls(error)
        }
        close(in: Self.lingerTime)
    }

    /// Ends the connection at once: its place is given away, or what it makes the broker keep is needed.
    func abandon(_ error: BackendError) {
        guard let lastID = machine.close() else { return }
        settings.observer.connectionFailed(error, peer: peer)
        send(ServerFrame(id: 0, body: .goAway(GoAway(error: error, lastID: lastID))))
        flush()
        context?.close(promise: nil)
    }

    /// For the log.
    var peer: String { (client ?? context?.remoteAddress)?.description ?? "unix" }

    /// The broker shuts down.
    func drain(_ timeout: Duration, telling drain: BrokerDrain) {
        switch machine.drain() {
        case .sendGoAway(let lastID, let callsInFlight):
            send(ServerFrame(id: 0, body: .goAway(GoAway(error: nil, lastID: lastID, drain: timeout))))
            let calls = DrainedCalls(count: callsInFlight - calls.values.count { $0.outlivesDrain }, drain: drain)
            drainedCalls = calls
            drain.connectionDrains(calls: calls.count)
            if callsInFlight == 0 { closeAfterFlush() }
            // One that has not begun to talk, even in TLS, is not waited for.
            if session == nil { close(in: Self.lingerTime) }
        case .ignore:
            drain.connectionDrains(calls: 0)
        }
    }

    /// The time of a shutdown is up. The connection closes with the last answer.
    func cancelDrainedCalls() {
        guard !machine.isClosed else { return }
        for (id, call) in calls where !call.outlivesDrain {
            cancelCall(id, Self.shutDown(maybeExecuted: call.isRunning))
        }
    }

    /// Closes our side once all is written, and the channel when the peer has closed too. A close with unread bytes
    /// would reset the connection and take the last frames with it.
    func closeAfterFlush() {
        isReadingBatch = false
        flush()
        keepalive.stop()
        guard let context else { return }
        // For a peer that reads no more.
        close(in: TimeAmount(settings.limits.keepaliveInterval * (settings.keepaliveMisses + 1)))
        // Where the peer has closed its side, closing ours drops what is not written yet: so it waits for that.
        let written = eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: written)
        written.futureResult.assumeIsolated().whenComplete { [self] _ in
            self.context?.close(mode: .output, promise: nil)
            close(in: Self.lingerTime)
        }
    }

    /// Closes the channel after some time, whatever happens.
    private func close(in time: TimeAmount) {
        closeTimeout?.cancel()
        guard !hasEnded else { return }
        closeTimeout = eventLoop.assumeIsolated().scheduleTask(in: time) { [self] in
            context?.close(promise: nil)
        }
    }

    /// How long a peer may take to close its side after it was told why.
    private static var lingerTime: TimeAmount { .seconds(1) }

    // MARK: Why calls and connections end

    static func shutDown(maybeExecuted: Bool) -> BackendError {
        BackendError(
            .shuttingDown,
            message: maybeExecuted
                ? "the broker shut down before the call ended, and cancelled it: find out whether it had its effect"
                : "the broker shut down before the call began: connect again and repeat it",
            isRetryable: !maybeExecuted,
            maybeExecuted: maybeExecuted
        )
    }

    static func cancelled(maybeExecuted: Bool) -> BackendError {
        BackendError(.cancelled, message: "the call was cancelled by its caller", maybeExecuted: maybeExecuted)
    }

    static var pieceAfterLast: BackendError {
        BackendError(
            .protocolError,
            message: "a piece came after the one that said last: say that of the final one",
            maybeExecuted: true
        )
    }

    static var brokenCredit: BackendError {
        BackendError(.protocolError, message: "more payload bytes than there was credit for: wait for a window frame")
    }
}
