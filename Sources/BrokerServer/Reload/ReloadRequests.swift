internal import AgentBackend
internal import Synchronization

/// Who waits for a reload. Safe to use from any thread.
///
/// Those who ask while one is under way wait for the next, together: the file may have changed since it was read. Each
/// is a call in flight, or a signal, so they are bounded as calls are.
final class ReloadRequests: Sendable {
    typealias Outcome = Result<ReloadOutcome, BackendError>

    private struct State {
        var waiters: [CheckedContinuation<Outcome, Never>] = []
        var isClosed = false
    }

    private let state = Mutex(State())
    private let (requests, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))

    /// Says when there is something to take. For one who reloads.
    var arrivals: AsyncStream<Void> { requests }

    /// Asks for a reload and waits for what it came to. It is not undone where the task is cancelled, and ends soon.
    func request() async throws(BackendError) -> ReloadOutcome {
        let outcome = await withCheckedContinuation { waiter in
            let isClosed = state.withLock { state in
                if !state.isClosed { state.waiters.append(waiter) }
                return state.isClosed
            }
            if isClosed { waiter.resume(returning: .failure(Self.closed)) } else { continuation.yield() }
        }
        return try outcome.get()
    }

    /// Asks for a reload whose outcome the log alone tells.
    func signal() {
        continuation.yield()
    }

    /// Those who asked so far: the reload that begins now is theirs.
    func take() -> [CheckedContinuation<Outcome, Never>] {
        state.withLock { state in
            defer { state.waiters = [] }
            return state.waiters
        }
    }

    /// No reload begins any more. Idempotent.
    func close() {
        let waiters = state.withLock { state in
            state.isClosed = true
            defer { state.waiters = [] }
            return state.waiters
        }
        continuation.finish()
        for waiter in waiters { waiter.resume(returning: .failure(Self.closed)) }
    }

    private static let closed = BackendError(
        .shuttingDown,
        message: "the broker shuts down and reads no configuration any more: the next start does"
    )
}

/// What a reload came to.
struct ReloadOutcome: Sendable {
    let differences: [ConfigurationDifference]
    /// Connections that ended, because their token was removed.
    let connectionsEnded: Int
}
