internal import AgentBackend
internal import BrokerWire
internal import DequeModule
internal import NIOCore
internal import Synchronization

/// A call that waits.
struct ActiveCall {
    let stream: ConnectionCallStream
    let lane: UInt32
    /// False: it waits for its turn in a lane, and has had no effect.
    var isRunning = false
    /// Nil: it has not come back from its first step yet.
    var task: Task<Void, Never>?
    var deadline: Scheduled<Void>?
    /// Why it was ended from outside: what its caller is told.
    var cause: BackendError?
    /// It is answered when all others have ended.
    let outlivesDrain: Bool

    init(stream: ConnectionCallStream, call: Call) {
        self.stream = stream
        lane = call.options.lane
        outlivesDrain = if case .drain = call.operation { true } else { false }
    }
}

/// The registry of calls that wait, for their turn in a lane or in a task. It owns the tasks, and the connection is not
/// gone before the last of them has ended.
extension ConnectionHandler {
    func start(_ call: Call, _ session: Session, _ handler: isolated any RequestHandler) {
        let lane = call.options.lane
        if lane != 0 {
            guard lanes[lane] == nil else {
                let call = call.detached
                _ = register(call)
                lanes[lane]?.append(call)
                return
            }
            lanes[lane] = []
        }
        finish(call, handler.attempt(call, in: session), session, handler)
    }

    /// What became of an attempt.
    func finish(_ call: Call, _ attempt: Attempt, _ session: Session, _ handler: isolated any RequestHandler) {
        // Otherwise nobody is there to be answered.
        guard !machine.isClosed else { return }
        switch attempt {
        case .done(let answer):
            let count = answer.payload.readableBytes
            guard canSend(count) else {
                // A read is made once more when there is credit, so that nothing is kept until then.
                if case .read = call.operation { return startTask(call, session, answer: nil) }
                return startTask(call, session, answer: answer)
            }
            unregister(call)
            sendWindow.sent(count)
            send(ServerFrame(id: call.id, body: answer.body, payload: answer.payload))
            ended(failed: false)
            startNext(call.options.lane, session, handler)
        case .failed(let error):
            unregister(call)
            send(ServerFrame(id: call.id, body: .error(error.during(call.operation.name))))
            ended(failed: true)
            startNext(call.options.lane, session, handler)
        case .putOff:
            break
        case .wait:
            startTask(call, session, answer: nil)
        }
    }

    func canSend(_ count: Int) -> Bool { count <= sendWindow.credit && count <= settings.largestAnswer }

    /// `cause`: what ended it from outside.
    private func ended(failed: Bool, cause: BackendError? = nil, outlivesDrain: Bool = false) {
        counters?.callEnded(failed: failed)
        if !outlivesDrain { drainedCalls?.callEnded(cause: cause) }
        if case .close = machine.callEnded() { closeAfterFlush() }
    }

    /// A call of the lane has had its effect: the next one may begin.
    ///
    /// A loop, for what is begun here may end at once, and a lane may be long.
    private func startNext(_ lane: UInt32, _ session: Session, _ handler: isolated any RequestHandler) {
        guard lane != 0 else { return }
        freeLanes.append(lane)
        guard !isStartingNext else { return }
        isStartingNext = true
        defer { isStartingNext = false }
        while let lane = freeLanes.popLast() {
            guard let next = lanes[lane]?.popFirst() else {
                lanes[lane] = nil
                continue
            }
            finish(next, handler.attempt(next, in: session), session, handler)
        }
    }

    /// From here on the call has a stream, a deadline and an end from outside.
    private func register(_ call: Call) -> ConnectionCallStream {
        let stream = ConnectionCallStream(
            id: call.id,
            window: Int(settings.limits.streamWindow),
            first: call.payload,
            isWhole: call.isWhole,
            connection: self
        )
        var active = ActiveCall(stream: stream, call: call)
        if let deadline = call.options.deadline {
            active.deadline = eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(deadline)) { [self] in
                let isRunning = calls[call.id]?.isRunning ?? false
                cancelCall(call.id, Self.deadlineExceeded(deadline, maybeExecuted: isRunning))
            }
        }
        calls[call.id] = active
        counters?.callsWaiting.add(1, ordering: .relaxed)
        return stream
    }

    /// The call waits no more, or never did: what it brought along is used up.
    private func unregister(_ call: Call) {
        guard call.options.lane != 0, let active = calls.removeValue(forKey: call.id) else {
            return consumed(call.payload.readableBytes)
        }
        close(active)
    }

    private func close(_ active: ActiveCall) {
        active.deadline?.cancel()
        active.stream.close()
        counters?.callsWaiting.subtract(1, ordering: .relaxed)
    }

    /// `answer`: the call is done but for sending, which has to wait for credit.
    private func startTask(_ call: Call, _ session: Session, answer: Answer?) {
        let call = call.detached
        let stream = calls[call.id]?.stream ?? register(call)
        calls[call.id]?.isRunning = true
        let task = Task.immediate(executorPreference: executor) { [self] in
            await run(call, session, stream, answer: answer)
        }
        calls[call.id]?.task = task
        if calls[call.id]?.cause != nil { task.cancel() }
    }

    private func run(_ call: Call, _ session: Session, _ stream: ConnectionCallStream, answer: Answer?) async {
        var failure: BackendError?
        do throws(BackendError) {
            var answer = answer
            if answer == nil, call.operation.hasLongAnswer { try await stream.waitForRoom() }
            if answer == nil { answer = try await handler.perform(call, in: session, stream: stream) }
            if let answer { try await stream.sendLast(answer) }
        } catch {
            failure = error
        }
        taskEnded(call, session, failure: failure)
    }

    private func taskEnded(_ call: Call, _ session: Session, failure: BackendError?) {
        eventLoop.assertInEventLoop()
        guard let active = calls.removeValue(forKey: call.id) else { return }
        close(active)
        let failure = failure.map { (active.cause ?? $0).during(call.operation.name) }
        if let failure, !machine.isClosed {
            send(ServerFrame(id: call.id, body: .error(failure)))
        }
        ended(
            failed: failure != nil,
            cause: failure == nil ? nil : active.cause,
            outlivesDrain: active.outlivesDrain
        )
        if !machine.isClosed {
            handler.inIsolation { startNext(active.lane, session, $0) }
            finishBatchOutsideRead(session)
        }
        endIfDone()
    }

    /// A lane's next call may have been put off, and no read batch is under way that would end.
    private func finishBatchOutsideRead(_ session: Session) {
        if !isReadingBatch { finishBatch(session) }
    }

    /// Attempts what was put off, and what begins by that in turn, until nothing of the batch is left: no call, and no
    /// lease that was taken for it.
    func finishBatch(_ session: Session) {
        guard !isFinishingBatch else { return }
        isFinishingBatch = true
        defer { isFinishingBatch = false }
        handler.inIsolation { handler in
            while session.hasBatch {
                handler.finishBatch(in: session) { finish($1, $2, session, $0) }
            }
        }
    }

    /// Ends a call from outside. It is answered with `cause` once its effects are stopped; of one that has ended,
    /// nothing happens.
    func cancelCall(_ id: UInt64, _ cause: BackendError) {
        guard let active = calls[id] else { return }
        guard active.isRunning else { return cancelWaiting(id, active, cause) }
        guard active.cause == nil else { return }
        calls[id]?.cause = cause
        active.stream.fail(cause)
        for waiter in creditWaiters.takeAll(of: id) { waiter.continuation.resume() }
        active.task?.cancel()
    }

    /// As ``cancelCall(_:_:)``, from any thread.
    func end(_ stream: UInt64, _ cause: BackendError) {
        eventLoop.execute { [self] in cancelCall(stream, cause) }
    }

    /// Of a call that waits for its turn.
    private func cancelWaiting(_ id: UInt64, _ active: ActiveCall, _ cause: BackendError) {
        guard let index = lanes[active.lane]?.firstIndex(where: { $0.id == id }),
            let call = lanes[active.lane]?.remove(at: index)
        else { return }
        unregister(call)
        send(ServerFrame(id: id, body: .error(cause.during(call.operation.name))))
        ended(failed: true, cause: cause, outlivesDrain: active.outlivesDrain)
    }

    /// The connection is over: nobody is answered any more.
    func cancelAllCalls(_ cause: BackendError) {
        lanes.removeAll()
        for (id, active) in calls where !active.isRunning {
            calls[id] = nil
            close(active)
            ended(failed: true, cause: cause, outlivesDrain: active.outlivesDrain)
        }
        for id in calls.keys { cancelCall(id, cause) }
        for waiter in creditWaiters.takeAll() { waiter.continuation.resume() }
    }

    private static func deadlineExceeded(_ deadline: Duration, maybeExecuted: Bool) -> BackendError {
        BackendError(
            .deadlineExceeded,
            message: "the call took longer than its deadline of \(deadline): allow more, or ask for less",
            maybeExecuted: maybeExecuted
        )
    }
}

extension Call {
    /// The same call, which does not keep alive much else that arrived with it.
    fileprivate var detached: Call {
        var call = self
        call.payload = payload.detached
        return call
    }
}

extension Operation {
    /// Its answer is a list that draws no credit.
    fileprivate var hasLongAnswer: Bool {
        switch self {
        case .readdir, .listKeys, .listWorkspaces: true
        default: false
        }
    }
}

extension Answer {
    var body: ServerFrame.Body { reply.map { .reply($0) } ?? .chunk }
}
