internal import AgentBackend
internal import Synchronization

/// Tells work on a file thread that nobody waits for it any more. Safe to use from any thread.
final class FileCancellation: Sendable {
    private let flag = Atomic<Bool>(false)

    /// Of what is never cancelled.
    static let never = FileCancellation()

    /// Asked by what may take long, before each step.
    func check() throws(DirectoryAccess.Failure) {
        guard !flag.load(ordering: .relaxed) else { throw .cancelled }
    }

    func cancel() {
        flag.store(true, ordering: .relaxed)
    }
}

/// One piece of work for a file thread and who waits for it. Lets go of the work as soon as it is cancelled: it may
/// hold many bytes, and the queue is first in, first out.
final class FileJob<Value: Sendable>: Sendable {
    typealias Answer = Result<Value, BackendError>
    typealias Body = @Sendable (FileCancellation) -> Answer

    private let identity: HostIdentity?
    private let cancellation = FileCancellation()
    private let state: Mutex<State>

    private enum State {
        /// May become queued or ended.
        case made(Body)
        /// May become ended, with or without having run.
        case queued(Body, CheckedContinuation<Answer, Never>)
        /// Runs, ran, or never will.
        case ended
    }

    init(as identity: HostIdentity?, _ body: @escaping Body) {
        self.identity = identity
        state = Mutex(.made(body))
    }

    /// False: it was cancelled before, and the continuation was resumed.
    func queue(_ continuation: CheckedContinuation<Answer, Never>) -> Bool {
        let isQueued = state.withLock { state in
            guard case .made(let body) = state else { return false }
            state = .queued(body, continuation)
            return true
        }
        if !isQueued { continuation.resume(returning: .failure(Self.cancelled)) }
        return isQueued
    }

    /// On a file thread.
    func run() {
        guard let (answer, continuation) = performed() else { return }
        continuation.resume(returning: answer)
    }

    /// What the work held is let go of by the time that its caller goes on.
    private func performed() -> (Answer, CheckedContinuation<Answer, Never>)? {
        guard let (body, continuation) = takeQueued() else { return nil }
        return (FileIdentity.perform(as: identity) { body(cancellation) }, continuation)
    }

    /// There are no threads any more.
    func refuse() {
        takeQueued()?.continuation.resume(returning: .failure(Self.shutDown))
    }

    func cancel() {
        cancellation.cancel()
        let queued = takeQueued()
        state.withLock { state in
            if case .made = state { state = .ended }
        }
        queued?.continuation.resume(returning: .failure(Self.cancelled))
    }

    private func takeQueued() -> (body: Body, continuation: CheckedContinuation<Answer, Never>)? {
        state.withLock { state in
            guard case .queued(let body, let continuation) = state else { return nil }
            state = .ended
            return (body, continuation)
        }
    }

    private static var cancelled: BackendError {
        BackendError(.cancelled, message: "the call was cancelled before it began: nothing was done")
    }

    private static var shutDown: BackendError {
        BackendError(.shuttingDown, message: "the file threads are shut down: nothing was done")
    }
}
