internal import AgentBackend
internal import BrokerWire
internal import NIOCore
internal import Synchronization

/// One call, as the task that made it sees it. A call that is let go before its end is cancelled.
///
/// Safe to use from any thread, but only one task at a time may wait for the answer.
final class ClientCall: Sendable {
    /// Its name, for errors.
    let operation: String

    private let inbox = CallInbox()
    /// Kept open for as long as the call is held.
    private let origin: any CallOrigin
    private let lastWriteID = Atomic<UInt64>(0)

    /// Sends the call, or puts it in a queue. Does not wait.
    init(_ request: CallRequest, from origin: any CallOrigin) {
        self.origin = origin
        operation = request.operation.name
        origin.eventLoop.execute { [origin, inbox] in origin.begin(inbox, request) }
    }

    /// A call about another one, on the connection that has that.
    init(
        about other: ClientCall,
        _ operation: String,
        _ request: @escaping @Sendable (_ call: UInt64) -> CallRequest
    ) {
        origin = other.origin
        self.operation = operation
        origin.eventLoop.execute { [inbox, other = other.inbox] in
            guard let holder = other.holder else { return inbox.fail(.nothingIsBegun) }
            holder.begin(inbox, about: other, request)
        }
    }

    deinit {
        guard !inbox.isFinished else { return }
        onLoop { $0.abandon($1) }
    }

    private func onLoop(_ body: @escaping @Sendable (any CallHolder, CallInbox) -> Void) {
        origin.eventLoop.execute { [inbox] in
            if let holder = inbox.holder { body(holder, inbox) }
        }
    }

    var hasEnded: Bool { inbox.hasEnded }

    // MARK: The answer

    /// The next part of the answer; nil after the last one. Throws the error that the call is answered with.
    ///
    /// Cancelling the task cancels the call and waits, for a bounded time, until the broker says that its effects are
    /// stopped: `CANCELLED`; or its result, where that came first.
    func next() async throws(BackendError) -> AnswerPart? {
        if Task.isCancelled { cancel() }
        while true {
            switch inbox.take() {
            case .part(let part, let credit):
                giveBack(credit)
                return part
            case .end:
                return nil
            case .failed(let error):
                throw error.during(operation)
            case .wait:
                break
            }
            let wakeup = await withTaskCancellationHandler {
                await inbox.wait()
            } onCancel: {
                cancel()
            }
            if case .refused = wakeup {
                throw BackendError(
                    .invalidArgument,
                    message: "two tasks wait for the answer of one call: let one of them read it"
                )
            }
        }
    }

    /// Asks the broker to end the call. Of one that has ended: nothing happens.
    func cancel() {
        guard !inbox.hasEnded else { return }
        onLoop { $0.cancel($1) }
    }

    /// Cancels the call, drops what is left of the answer and waits for its end.
    func cancelAndWait() async {
        cancel()
        do throws(BackendError) {
            while try await next() != nil {}
        } catch {
            // It has ended, one way or the other.
        }
    }

    /// Waits for the answer, also in a task that is cancelled. For calls that are answered at once.
    func waitForEnd() async {
        while !inbox.hasEnded { _ = await inbox.wait() }
    }

    // MARK: The answer, without a task

    /// From now on the broker gets credit for what was taken when ``use(_:)`` says that it is held no more.
    func startHolding() { inbox.startHolding() }

    func use(_ bytes: Int) { giveBack(inbox.use(bytes)) }

    /// What has arrived, without waiting for it. On the event loop.
    func takeArrived() -> CallInbox.Machine.TakeAction {
        let action = inbox.take()
        switch action {
        case .part(_, let credit): inbox.holder?.giveBack(credit, of: inbox)
        case .end, .failed, .wait: break
        }
        return action
    }

    /// Calls `body` once on the event loop, when there is something to take.
    func whenArrived(_ body: @escaping @Sendable () -> Void) {
        let eventLoop = origin.eventLoop
        inbox.whenArrived { eventLoop.execute(body) }
    }

    private func giveBack(_ credit: Int) {
        guard credit > 0 else { return }
        onLoop { $0.giveBack(credit, of: $1) }
    }

    // MARK: Bytes to send

    enum SendOutcome: Sendable {
        case sent
        /// The call takes no more: it was answered, failed or cancelled, or its input was closed.
        case ended
        /// The task was cancelled; some of the bytes may have been sent. The call goes on.
        case cancelled
    }

    /// Sends bytes, and returns when the last of them is on its way: without credit of the broker's the caller waits.
    func send(_ bytes: ByteBuffer, isLast: Bool) async -> SendOutcome {
        let write = lastWriteID.add(1, ordering: .relaxed).newValue
        let withdraw: @Sendable () -> Void = { [self] in onLoop { $0.withdraw(write, of: $1) } }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                enqueue(CallWrite(id: write, bytes: bytes, isLast: isLast, waiter: continuation))
                // What was withdrawn before it was there is withdrawn now.
                if Task.isCancelled { withdraw() }
            }
        } onCancel: {
            withdraw()
        }
    }

    /// Says that nothing more is sent. Does not wait. Idempotent.
    func endInput() {
        enqueueInput(ByteBuffer())
    }

    /// Sends bytes, the last ones, as there is credit for them. Does not wait.
    func enqueueInput(_ bytes: ByteBuffer) {
        enqueue(CallWrite(id: 0, bytes: bytes, isLast: true, waiter: nil))
    }

    private func enqueue(_ write: CallWrite) {
        origin.eventLoop.execute { [inbox] in
            guard let holder = inbox.holder else { return write.end(.ended) }
            holder.send(write, of: inbox)
        }
    }
}

extension ClientCall {
    /// Sends a signal to the command that this call runs.
    func signal(_ number: Int32) async throws(BackendError) {
        let call = ClientCall(about: self, "exec_signal") { id in
            let signal = ExecSignal(call: id, signal: UInt32(clamping: number))
            return CallRequest(.execSignal(signal), on: nil, options: BrokerCallOptions())
        }
        guard case .execSignal = try await call.onlyPart().reply else { throw .strangeAnswer(to: call.operation) }
    }

    /// Changes the size of the terminal of the command that this call runs.
    func resizeTerminal(to size: TerminalSize) async throws(BackendError) {
        let call = ClientCall(about: self, "exec_resize") { id in
            CallRequest(.execResize(ExecResize(call: id, size: size)), on: nil, options: BrokerCallOptions())
        }
        guard case .execResize = try await call.onlyPart().reply else { throw .strangeAnswer(to: call.operation) }
    }
}

extension BackendError {
    /// Of a call about another one, which no connection has.
    static let nothingIsBegun = BackendError(
        .notFound,
        reason: .notFound,
        message: "the command has not started, or its connection was lost"
    )
}
