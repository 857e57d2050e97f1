internal import AgentBackend
internal import Crypto
internal import Synchronization

/// Sees to it that calls with the same idempotency key have their effect once. Safe to use from any thread.
///
/// What is remembered is lost with the process: a broker that was restarted takes a repeated call for the first.
final class IdempotencyKeys: Sendable {
    /// What came of a call.
    struct Outcome: Sendable {
        let result: Result<Answer, BackendError>
        /// Of all bytes that came after the request itself. Nil where the call ended before it had them all.
        let payload: SHA256Digest?
    }

    /// Finished when the first call of a key has ended.
    private typealias Waiter = AsyncStream<Never>.Continuation
    private typealias Machine = IdempotencyMachine<Outcome, Waiter>

    private let machine = Mutex(Machine())
    private let elapsed: @Sendable () -> Duration

    init(elapsed: @escaping @Sendable () -> Duration) {
        self.elapsed = elapsed
    }

    /// Runs `body` where it is the first with its key. Where it is not, waits until the first has ended, and returns or
    /// throws what that did.
    ///
    /// An end that says that nothing was done is not remembered: the next call is the first again. `request`: equal for
    /// equal requests. Throws `CONFLICT` for a key that was used for another request, and `RESOURCE_EXHAUSTED`.
    func once(
        _ key: String,
        of org: Org.ID,
        request: Int,
        limits: BrokerConfiguration.Limits,
        _ stream: any CallStream,
        _ body: (any CallStream) async throws(BackendError) -> Answer
    ) async throws(BackendError) -> Answer {
        let limits = Machine.Limits(limits)
        while true {
            let firstEnds = AsyncStream<Never>.makeStream()
            let now = elapsed()
            let beginning = machine.withLock { machine in
                machine.begin(key, of: org, request: request, waiter: firstEnds.continuation, limits, at: now)
            }
            switch beginning {
            case .run:
                return try await run(key, of: org, limits, DigestedStream(stream), body)
            case .wait:
                for await _ in firstEnds.stream {}
                if Task.isCancelled { throw .waitWasCancelled }
            case .replay(let outcome):
                try await compare(outcome, with: DigestedStream(stream), key)
                return try outcome.result.get()
            case .conflict:
                throw .usedForAnother(key)
            case .full(let used, let retryAfter):
                throw .tooManyKeys(used, allowed: limits.maximumKeysPerOrg, retryAfter: retryAfter)
            }
        }
    }

    private func run(
        _ key: String,
        of org: Org.ID,
        _ limits: Machine.Limits,
        _ stream: DigestedStream,
        _ body: (any CallStream) async throws(BackendError) -> Answer
    ) async throws(BackendError) -> Answer {
        let result: Result<Answer, BackendError>
        do throws(BackendError) {
            result = .success(try await body(stream))
        } catch {
            result = .failure(error)
        }
        let outcome = result.saysThatNothingWasDone ? nil : Outcome(result: result, payload: stream.digest)
        let now = elapsed()
        let waiting = machine.withLock { $0.end(key, of: org, with: outcome, limits, at: now) }
        for waiter in waiting { waiter.finish() }
        return try result.get()
    }

    private func compare(
        _ outcome: Outcome,
        with stream: DigestedStream,
        _ key: String
    ) async throws(BackendError) {
        guard let payload = outcome.payload else { return }
        while try await stream.receive() != nil {}
        guard stream.digest == payload else { throw .usedForAnother(key) }
    }
}

extension IdempotencyMachine.Limits {
    fileprivate init(_ limits: BrokerConfiguration.Limits) {
        self.init(maximumKeysPerOrg: limits.maxIdempotencyKeysPerOrg, window: limits.idempotencyWindow)
    }
}

extension Result<Answer, BackendError> {
    /// The same call may be made again as if it had not been made.
    fileprivate var saysThatNothingWasDone: Bool {
        guard case .failure(let error) = self else { return false }
        switch error.code {
        // Whoever ended the call does not know what it had done by then. It does: each verb has its effect as a whole or
        // not at all, or, of a whole tree, one that is the same when it is begun again.
        case .cancelled, .deadlineExceeded, .shuttingDown, .connectionClosed: return true
        case .resourceExhausted, .backendDestroyed: return !error.maybeExecuted
        default: return error.isRetryable && !error.maybeExecuted
        }
    }
}

extension BackendError {
    fileprivate static func usedForAnother(_ key: String) -> BackendError {
        BackendError(
            .conflict,
            message:
                "the idempotency key \(key) was used for another request: nothing was done; give each request its own"
        )
    }

    fileprivate static func tooManyKeys(_ used: Int, allowed: Int, retryAfter: Duration?) -> BackendError {
        BackendError(
            .resourceExhausted,
            message: "the org has \(used) idempotency keys that are remembered, of \(allowed) allowed: "
                + "send the call without one, or later; nothing was done",
            isRetryable: true,
            retryAfter: retryAfter,
            limit: LimitDetails(name: "idempotency_keys", used: UInt64(used), allowed: UInt64(allowed))
        )
    }

    fileprivate static let waitWasCancelled = BackendError(
        .cancelled,
        message: "the call was cancelled while the first with its idempotency key was under way",
        maybeExecuted: true
    )
}
