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
    /// Set while it waits to be begun.
    var parked: ParkedCall?
    /// The one that it has of its org's and the broker's.
    var slot: CallAdmissionSlot?
    /// It counts among those of its org that ask what goes on.
    var isInspection = false
    /// Bytes that are kept of it.
    var heldBytes = 0
    /// When it first waited to be begun.
    var queuedSince: Duration?
    let operation: CountedOperation
    /// When it was read.
    let arrival: NIODeadline
    /// It is answered when all others have ended.
    let outlivesDrain: Bool

    init(stream: ConnectionCallStream, call: Call, arrival: NIODeadline) {
        self.stream = stream
        operation = call.operation.counted
        self.arrival = arrival
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
            guard lanes[lane] == nil else { return waitInLane(call, session) }
            lanes[lane] = []
        }
        begin(call, session, handler)
    }

    private func waitInLane(_ call: Call, _ session: Session) {
        do throws(BackendError) {
            try settings.admission.hold(call.size, org: session.org)
        } catch {
            consumed(call.payload.readableBytes)
            send(ServerFrame(id: call.id, body: .error(error.during(call.operation.name))))
            return ended(call.operation.counted, error.code)
        }
        let call = call.detached
        register(call, holding: call.size)
        lanes[call.options.lane]?.append(call)
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
                if case .read = call.operation { return enter(call, session, handler) }
                do throws(BackendError) {
                    if calls[call.id] == nil { try settings.admission.hold(call.size, org: session.org) }
                } catch {
                    return finish(call, .failed(error.maybeExecuting), session, handler)
                }
                return startTask(call, session, nil, answer: answer)
            }
            let arrival = unregister(call)
            allowance.bytes += count
            sendWindow.sent(count)
            send(ServerFrame(id: call.id, body: answer.body, payload: answer.payload))
            ended(call.operation.counted, nil, since: arrival)
            startNext(call.options.lane, session, handler)
        case .failed(let error):
            let arrival = unregister(call)
            send(ServerFrame(id: call.id, body: .error(error.during(call.operation.name))))
            ended(call.operation.counted, error.code, since: arrival)
            startNext(call.options.lane, session, handler)
        case .putOff:
            break
        case .wait:
            enter(call, session, handler)
        }
    }

    func canSend(_ count: Int) -> Bool { count <= sendWindow.credit && count <= settings.largestAnswer }

    /// `code`: of its error. `since`: when it was read; nil: in the present batch. `cause`: what ended it from outside.
    func ended(
        _ operation: CountedOperation,
        _ code: BackendError.Code?,
        since arrival: NIODeadline? = nil,
        cause: BackendError? = nil,
        outlivesDrain: Bool = false
    ) {
        count(operation, code, since: arrival)
        if !outlivesDrain { drainedCalls?.callEnded(cause: cause) }
        if case .close = machine.callEnded() { closeAfterFlush() }
    }

    /// A call of the lane has had its effect: the next one may begin.
    ///
    /// A loop, for what is begun here may end at once, and a lane may be long.
    func startNext(_ lane: UInt32, _ session: Session, _ handler: isolated any RequestHandler) {
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
            begin(next, session, handler)
        }
    }

    /// From here on the call has a stream, a deadline and an end from outside. `bytes` are held for it already.
    @discardableResult
    func register(_ call: Call, holding bytes: Int) -> ConnectionCallStream {
        let stream = ConnectionCallStream(
            id: call.id,
            window: Int(settings.limits.streamWindow),
            first: call.payload,
            isWhole: call.isWhole,
            connection: self
        )
        var active = ActiveCall(stream: stream, call: call, arrival: isReadingBatch ? meter.batchStart : .now())
        active.heldBytes = bytes
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

    /// The call waits no more, or never did: what it brought along is used up. Returns when one that waited was read.
    private func unregister(_ call: Call) -> NIODeadline? {
        guard !calls.isEmpty, let active = calls.removeValue(forKey: call.id) else {
            consumed(call.payload.readableBytes)
            return nil
        }
        close(active)
        return active.arrival
    }

    func close(_ active: ActiveCall) {
        active.deadline?.cancel()
        active.stream.close()
        counters?.callsWaiting.subtract(1, ordering: .relaxed)
        guard let session else { return }
        settings.admission.leave(active.slot, bytes: active.heldBytes, org: session.org)
        if active.isInspection { settings.admission.endInspection(session.org) }
    }

    /// `answer`: the call is done but for sending, which has to wait for credit. Else it has a slot.
    func startTask(_ call: Call, _ session: Session, _ slot: CallAdmissionSlot?, answer: Answer? = nil) {
        let call = call.detached
        let stream = calls[call.id]?.stream ?? register(call, holding: call.size)
        calls[call.id]?.slot = slot
        calls[call.id]?.isInspection = call.operation.isBoundedInspection
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
            active.operation,
            failure?.code,
            since: active.arrival,
            cause: failure == nil ? nil : active.cause,
            outlivesDrain: active.outlivesDrain
        )
        if !machine.isClosed {
            startNext(active.lane, session)
        }
        if !isReadingBatch { settle(session) }
        endIfDone()
    }

    /// As ``startNext(_:_:_:)``, where no batch is under way, or one of another kind.
    func startNext(_ lane: UInt32, _ session: Session) {
        handler.inIsolation { startNext(lane, session, $0) }
        finishBatchOutsideRead(session)
    }

    /// A lane's next call may have been put off, and no read batch is under way that would end.
    func finishBatchOutsideRead(_ session: Session) {
        if !isReadingBatch { finishBatch(session) }
    }

    /// Attempts what was put off, and what begins by that in turn, until nothing of the batch is left: no call, and no
    /// lease that was taken for it.
    func finishBatch(_ session: Session) {
        guard !isFinishingBatch else { return }
        isFinishingBatch = true
        defer { isFinishingBatch = false }
        handler.inIsolation { handler in
            while !session.batch.isEmpty {
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
        if let parked = active.parked {
            // Where it comes too late, the call is told that it may go on, and is there no more.
            _ = settings.admission.cancel(parked.ticket)
            return refused(id, cause)
        }
        guard let index = lanes[active.lane]?.firstIndex(where: { $0.id == id }),
            let call = lanes[active.lane]?.remove(at: index)
        else { return }
        let arrival = unregister(call)
        send(ServerFrame(id: id, body: .error(cause.during(call.operation.name))))
        ended(active.operation, cause.code, since: arrival, cause: cause, outlivesDrain: active.outlivesDrain)
    }

    /// The connection is over: nobody is answered any more.
    func cancelAllCalls(_ cause: BackendError) {
        lanes.removeAll()
        for (id, active) in calls where !active.isRunning {
            calls[id] = nil
            if let parked = active.parked { _ = settings.admission.cancel(parked.ticket) }
            close(active)
            ended(
                active.operation,
                cause.code,
                since: active.arrival,
                cause: cause,
                outlivesDrain: active.outlivesDrain
            )
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
    var detached: Call {
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
