internal import AgentBackend
internal import BrokerWire
internal import DequeModule
internal import NIOCore
internal import Synchronization

/// A call that waits.
struct ActiveCall {
    let stream: ConnectionCallStream
    let lane: UInt32
    /// Nil: it has not come back from its first step yet.
    var task: Task<Void, Never>?
    var deadline: Scheduled<Void>?
    /// Why it was ended from outside: what its caller is told.
    var cause: BackendError?
}

/// The registry of calls that wait. It starts a task for each, owns them all, and the connection is not gone before
/// the last of them has ended.
extension ConnectionHandler {
    func start(_ call: Call, _ session: Session, _ handler: isolated any RequestHandler) {
        let lane = call.options.lane
        if lane != 0 {
            guard lanes[lane] == nil else {
                lanes[lane]?.append(call)
                return
            }
            lanes[lane] = []
        }
        finish(call, handler.attempt(call, in: session), session, handler)
    }

    /// What became of an attempt.
    func finish(_ call: Call, _ attempt: Attempt, _ session: Session, _ handler: isolated any RequestHandler) {
        switch attempt {
        case .done(let answer):
            consumed(call.payload.readableBytes)
            let count = answer.payload.readableBytes
            guard count <= flow.sendCredit, count <= Int(settings.limits.streamWindow) else {
                return startTask(call, session, answer: answer)
            }
            flow.sent(count)
            send(ServerFrame(id: call.id, body: answer.body, payload: answer.payload))
            ended(failed: false)
            startNext(call.options.lane, session, handler)
        case .failed(let error):
            consumed(call.payload.readableBytes)
            send(ServerFrame(id: call.id, body: .error(error.during(call.operation.name))))
            ended(failed: true)
            startNext(call.options.lane, session, handler)
        case .putOff:
            break
        case .wait:
            startTask(call, session, answer: nil)
        }
    }

    private func ended(failed: Bool) {
        counters?.callEnded(failed: failed)
        if case .close = machine.callEnded() { closeAfterFlush() }
    }

    /// A call of the lane has had its effect: the next one may begin.
    private func startNext(_ lane: UInt32, _ session: Session, _ handler: isolated any RequestHandler) {
        guard lane != 0 else { return }
        guard let next = lanes[lane]?.popFirst() else {
            lanes[lane] = nil
            return
        }
        finish(next, handler.attempt(next, in: session), session, handler)
    }

    /// `answer`: the call is done but for sending, which has to wait for credit.
    private func startTask(_ call: Call, _ session: Session, answer: Answer?) {
        let stream = ConnectionCallStream(
            id: call.id,
            window: Int(settings.limits.streamWindow),
            first: answer == nil ? call.payload : ByteBuffer(),
            isWhole: call.isWhole,
            connection: self
        )
        var active = ActiveCall(stream: stream, lane: call.options.lane)
        if let deadline = call.options.deadline {
            active.deadline = eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(deadline)) { [self] in
                cancelCall(call.id, Self.deadlineExceeded(deadline))
            }
        }
        calls[call.id] = active
        counters?.callsWaiting.add(1, ordering: .relaxed)
        let task = Task.immediate(executorPreference: executor) { [self] in
            await run(call, session, stream, answer: answer)
        }
        calls[call.id]?.task = task
    }

    private func run(_ call: Call, _ session: Session, _ stream: ConnectionCallStream, answer: Answer?) async {
        var failure: BackendError?
        do throws(BackendError) {
            var answer = answer
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
        active.deadline?.cancel()
        consumed(active.stream.close())
        let failure = failure.map { (active.cause ?? $0).during(call.operation.name) }
        if let failure, !machine.isClosed {
            send(ServerFrame(id: call.id, body: .error(failure)))
        }
        counters?.callsWaiting.subtract(1, ordering: .relaxed)
        ended(failed: failure != nil)
        if !machine.isClosed {
            handler.inIsolation { startNext(active.lane, session, $0) }
            finishBatchOutsideRead(session)
        }
        endIfDone()
    }

    /// A lane's next call may have been put off, and no read batch is under way that would end.
    private func finishBatchOutsideRead(_ session: Session) {
        handler.inIsolation { handler in
            while !session.putOff.isEmpty || !session.batchEntries.isEmpty {
                for (call, attempt) in handler.finishBatch(in: session) { finish(call, attempt, session, handler) }
            }
        }
    }

    /// Ends a call from outside. It is answered with `cause` once its effects are stopped; of one that has ended,
    /// nothing happens.
    func cancelCall(_ id: UInt64, _ cause: BackendError) {
        guard let active = calls[id] else { return cancelWaitingForLane(id, cause) }
        guard active.cause == nil else { return }
        calls[id]?.cause = cause
        active.stream.fail(cause)
        for waiter in creditWaiters.takeAll(of: id) { waiter.continuation.resume() }
        active.task?.cancel()
    }

    private func cancelWaitingForLane(_ id: UInt64, _ cause: BackendError) {
        for lane in lanes.keys {
            guard let index = lanes[lane]?.firstIndex(where: { $0.id == id }),
                let call = lanes[lane]?.remove(at: index)
            else { continue }
            consumed(call.payload.readableBytes)
            send(ServerFrame(id: id, body: .error(cause.during(call.operation.name))))
            return ended(failed: true)
        }
    }

    func cancelAllCalls(_ cause: BackendError) {
        lanes.removeAll()
        for id in calls.keys { cancelCall(id, cause) }
        for waiter in creditWaiters.takeAll() { waiter.continuation.resume() }
    }

    private static func deadlineExceeded(_ deadline: Duration) -> BackendError {
        BackendError(
            .deadlineExceeded,
            message: "the call took longer than its deadline of \(deadline): allow more, or ask for less",
            maybeExecuted: true
        )
    }
}

extension Answer {
    var body: ServerFrame.Body { reply.map { .reply($0) } ?? .chunk }
}
