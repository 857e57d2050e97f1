internal import AgentBackend
internal import Synchronization

/// Tells work on a file thread that nobody waits for it any more. Safe to use from any thread.
final class FileCancellation: Sendable {
    private let flag = Atomic<Bool>(false)

    /// Asked by what may take long, before each step.
    func check() throws(DirectoryAccess.Failure) {
        guard !flag.load(ordering: .relaxed) else { throw .cancelled }
    }

    func cancel() {
        flag.store(true, ordering: .relaxed)
    }
}

/// Work for a file thread, whatever comes of it.
protocol FileWork: Sendable {
    /// As whom it is done.
    var identity: HostIdentity? { get }
    /// It makes a few system calls, and may take its turn together with others.
    var isShort: Bool { get }
    /// Does it, on a file thread, as ``identity``. Returns who is to be resumed then; nil: it was cancelled before.
    func perform() -> CheckedContinuation<Void, Never>?
    /// There are no threads any more.
    func refuse()
}

extension [any FileWork] {
    /// On a file thread. Those that follow one another with the same identity become it once.
    func run() {
        var rest = self[...]
        while let identity = rest.first.map(\.identity) {
            let together = rest.prefix { $0.identity == identity }
            rest = rest.dropFirst(together.count)
            let waiters = FileIdentity.perform(as: identity) { together.map { $0.perform() } }
            for waiter in waiters { waiter?.resume() }
        }
    }
}

/// One piece of work for a file thread and who waits for it. Lets go of the work as soon as it is cancelled: it may
/// hold many bytes, and the queue is first in, first out.
///
/// The answer stays in here until the caller takes it. A thread that handed it over itself might hold it, and the
/// descriptors in it, for a moment after the caller went on.
final class FileJob<Value: Sendable>: FileWork {
    typealias Answer = Result<Value, BackendError>
    typealias Body = @Sendable (FileCancellation) -> Answer

    let identity: HostIdentity?
    let isShort: Bool
    private let cancellation = FileCancellation()
    private let state: Mutex<State>

    private enum State {
        /// May become queued or answered.
        case made(Body)
        /// May become running or answered.
        case queued(Body, CheckedContinuation<Void, Never>)
        /// On a file thread. May become answered.
        case running(CheckedContinuation<Void, Never>)
        /// May become taken.
        case answered(Answer)
        /// The caller has its answer.
        case taken
    }

    init(as identity: HostIdentity?, isShort: Bool, _ body: @escaping Body) {
        self.identity = identity
        self.isShort = isShort
        state = Mutex(.made(body))
    }

    /// False: it was cancelled before, and the continuation was resumed.
    func queue(_ continuation: CheckedContinuation<Void, Never>) -> Bool {
        let isQueued = state.withLock { state in
            guard case .made(let body) = state else { return false }
            state = .queued(body, continuation)
            return true
        }
        if !isQueued { continuation.resume() }
        return isQueued
    }

    /// What the work held is let go of by the time that its caller goes on.
    func perform() -> CheckedContinuation<Void, Never>? {
        guard let body = begin() else { return nil }
        return end(with: body(cancellation))
    }

    private func begin() -> Body? {
        state.withLock { state in
            guard case .queued(let body, let continuation) = state else { return nil }
            state = .running(continuation)
            return body
        }
    }

    private func end(with answer: Answer) -> CheckedContinuation<Void, Never>? {
        state.withLock { state in
            guard case .running(let continuation) = state else { return nil }
            state = .answered(answer)
            return continuation
        }
    }

    func refuse() {
        answer(Self.shutDown)
    }

    func cancel() {
        cancellation.cancel()
        answer(Self.cancelled)
    }

    /// Answers in place of work that has not begun.
    private func answer(_ error: BackendError) {
        let continuation = state.withLock { state -> CheckedContinuation<Void, Never>? in
            switch state {
            case .made:
                state = .answered(.failure(error))
                return nil
            case .queued(_, let continuation):
                state = .answered(.failure(error))
                return continuation
            case .running, .answered, .taken:
                return nil
            }
        }
        continuation?.resume()
    }

    /// Once, by the caller, after its continuation was resumed.
    func takeAnswer() -> Answer {
        state.withLock { state in
            guard case .answered(let answer) = state else {
                return .failure(BackendError(.internal, message: "work on a file ended without an answer"))
            }
            state = .taken
            return answer
        }
    }

    private static var cancelled: BackendError {
        BackendError(.cancelled, message: "the call was cancelled before it began: nothing was done")
    }

    private static var shutDown: BackendError {
        BackendError(.shuttingDown, message: "the file threads are shut down: nothing was done")
    }
}
