internal import AgentBackend
internal import BrokerWire
internal import NIOCore
internal import Synchronization

/// A command that runs on a broker. One that is let go is ended.
///
/// Its output is taken in as it comes, both streams together up to the broker's window for a call; the broker sends
/// more as it is read. Safe to use from any thread.
final class RemoteCommand: CommandExecution {
    private enum ReadOutcome: Sendable {
        /// There is something to read, or the end.
        case tryAgain
        case cancelled
    }

    private typealias Reader = CheckedContinuation<ReadOutcome, Never>
    private typealias Machine = CommandOutputStateMachine<Reader, CheckedContinuation<ExecEnd, Never>>

    let isolation: String
    private let call: ClientCall
    private let machine = Mutex(Machine())
    private let lastReader = Atomic<UInt64>(0)

    /// Returns when the command has started; throws why it could not.
    static func start(_ call: ClientCall) async throws(BackendError) -> RemoteCommand {
        guard let part = try await call.next(), !part.isLast, case .execStarted(let started) = part.reply else {
            throw await call.strangeAnswer()
        }
        call.startHolding()
        let command = RemoteCommand(call, isolation: started.isolation)
        command.expectMore()
        return command
    }

    private init(_ call: ClientCall, isolation: String) {
        self.call = call
        self.isolation = isolation
    }

    deinit {
        call.use(machine.withLock { $0.unreadCount })
    }

    // MARK: What arrives

    private func expectMore() {
        call.whenArrived { [weak self] in self?.takeArrived() }
    }

    /// On the event loop.
    private func takeArrived() {
        while true {
            switch call.takeArrived() {
            case .part(let part, _):
                take(part)
            case .wait:
                return expectMore()
            case .end:
                return end(.failed(.strangeAnswer(to: call.operation)))
            case .failed(let error):
                return end(.failed(error.during(call.operation)))
            }
        }
    }

    private func take(_ part: AnswerPart) {
        switch part.reply {
        case .execOutput(let output) where !part.isLast:
            machine.withLock { $0.received(part.payload, output.stream) }?.resume(returning: .tryAgain)
        case .execEnd(let reply) where part.isLast:
            end(.ended(reply.end))
        default:
            call.cancel()
            end(.failed(.strangeAnswer(to: call.operation)))
        }
    }

    private func end(_ end: Machine.End) {
        guard let waiting = machine.withLock({ $0.ended(end) }) else { return }
        for reader in waiting.readers { reader.resume(returning: .tryAgain) }
        for waiter in waiting.waiters { waiter.resume(returning: waiting.end) }
    }

    // MARK: CommandExecution

    func readOutput(_ stream: CommandStream, upTo count: Int) async throws(BackendError) -> ByteBuffer? {
        while true {
            switch await waitForOutput(stream, upTo: count) {
            case .bytes(let bytes):
                call.use(bytes.readableBytes)
                return bytes
            case .end: return nil
            case .fail(let error): throw error
            case .wait: continue
            }
        }
    }

    /// `wait`: there may be something by now.
    private func waitForOutput(_ stream: CommandStream, upTo count: Int) async -> Machine.ReadAction {
        let id = lastReader.add(1, ordering: .relaxed).newValue
        var action = Machine.ReadAction.wait
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { (reader: Reader) in
                action = machine.withLock { machine in
                    // Read under the lock: a cancellation from here on finds the reader.
                    guard !Task.isCancelled else { return .fail(.readCancelled) }
                    return machine.read(stream, upTo: count, id: id, reader: reader)
                }
                if case .wait = action { return }
                reader.resume(returning: .tryAgain)
            }
        } onCancel: {
            machine.withLock { $0.cancelled(stream, id: id) }?.resume(returning: .cancelled)
        }
        switch outcome {
        case .tryAgain: return action
        case .cancelled: return .fail(.readCancelled)
        }
    }

    func writeInput(_ bytes: ByteBuffer) async throws(BackendError) {
        guard bytes.readableBytes > 0, case .cancelled = await call.send(bytes, isLast: false) else { return }
        throw .inputCancelled
    }

    func closeInput() {
        call.endInput()
    }

    func signal(_ number: Int32) async throws(BackendError) {
        try await whileItRuns { () throws(BackendError) in try await call.signal(number) }
    }

    func resizeTerminal(to size: TerminalSize) async throws(BackendError) {
        try await whileItRuns { () throws(BackendError) in try await call.resizeTerminal(to: size) }
    }

    /// Of one that has ended: nothing happens.
    private func whileItRuns(_ body: () async throws(BackendError) -> Void) async throws(BackendError) {
        do throws(BackendError) {
            try await body()
        } catch  where error.code == .notFound && error.reason == .notFound {
            // It has ended.
        }
    }

    func terminate() {
        machine.withLock { $0.terminated() }
        call.cancel()
    }

    func waitForEnd() async -> ExecEnd {
        await withCheckedContinuation { waiter in
            guard let end = machine.withLock({ $0.wait(waiter) }) else { return }
            waiter.resume(returning: end)
        }
    }
}

extension BackendError {
    fileprivate static let readCancelled = BackendError(
        .cancelled,
        message: "the wait for the command's output was cancelled: the command goes on",
        operation: "exec"
    )
}
