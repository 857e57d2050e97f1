internal import AgentBackend
internal import BrokerWire
internal import NIOCore

/// One call, as the task that made it sees it. A call that is let go before its end is cancelled.
///
/// Safe to use from any thread, but only one task at a time may wait for the answer.
final class ClientCall: Sendable {
    /// Its name, for errors.
    let operation: String

    private let inbox: CallInbox
    /// Kept open for as long as the call is held.
    private let owner: BrokerConnection

    private var connection: ClientConnectionHandler { owner.handler }

    /// Sends the call, or puts it in the connection's queue. Does not wait. Throws `INVALID_ARGUMENT` for what the
    /// broker would not take.
    init(_ request: CallRequest, on owner: BrokerConnection) throws(BackendError) {
        try request.validate(owner.limits)
        self.owner = owner
        operation = request.operation.name
        let inbox = CallInbox(window: owner.limits.streamWindow)
        self.inbox = inbox
        owner.handler.eventLoop.execute { [handler = owner.handler] in handler.start(inbox, request) }
    }

    deinit {
        guard !inbox.isFinished else { return }
        connection.eventLoop.execute { [connection, inbox] in connection.abandon(inbox) }
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
            case .wait(let credit):
                giveBack(credit)
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
        connection.eventLoop.execute { [connection, inbox] in connection.cancel(inbox) }
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

    private func giveBack(_ credit: CallInbox.Machine.Credit) {
        guard !credit.isEmpty else { return }
        connection.eventLoop.execute { [connection, inbox] in connection.giveBack(credit, of: inbox) }
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
        let write = connection.makeWriteID()
        let withdraw: @Sendable () -> Void = { [connection, inbox] in
            connection.eventLoop.execute { connection.withdraw(write, of: inbox) }
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                enqueue(ClientConnectionHandler.Write(id: write, bytes: bytes, isLast: isLast, waiter: continuation))
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
        enqueue(ClientConnectionHandler.Write(id: 0, bytes: bytes, isLast: true, waiter: nil))
    }

    private func enqueue(_ write: ClientConnectionHandler.Write) {
        connection.eventLoop.execute { [connection, inbox] in connection.send(write, of: inbox) }
    }
}
