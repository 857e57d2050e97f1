internal import AgentBackend
internal import Synchronization

/// The calls that wait in an entry, and what runs in its background, so that they end when it does. Safe to use from any
/// thread.
final class EntryCalls: Sendable {
    typealias ID = UInt64

    /// Ends one from outside. Does not wait.
    typealias Cancel = @Sendable (BackendError) -> Void

    private struct State {
        var cancels: [ID: Cancel] = [:]
        var lastID: ID = 0
        /// Set once no more may begin.
        var isClosed = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Nil: the entry is being destroyed.
    func began(_ cancel: @escaping Cancel) -> ID? {
        state.withLock { state in
            guard !state.isClosed else { return nil }
            state.lastID += 1
            state.cancels[state.lastID] = cancel
            return state.lastID
        }
    }

    func ended(_ call: ID) {
        let waiters = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.cancels[call] = nil
            guard state.cancels.isEmpty else { return [] }
            // Without the memory that it had: an idle entry would keep it.
            state.cancels = [:]
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Ends those that there are; no more begin.
    func cancelAll(_ error: BackendError) {
        let cancels = state.withLock { state in
            state.isClosed = true
            return Array(state.cancels.values)
        }
        for cancel in cancels { cancel(error) }
    }

    /// Returns when none is left. A call that was cancelled ends in bounded time.
    func waitForEnds() async {
        await withCheckedContinuation { continuation in
            let isEmpty = state.withLock { state in
                if !state.cancels.isEmpty { state.waiters.append(continuation) }
                return state.cancels.isEmpty
            }
            if isEmpty { continuation.resume() }
        }
    }
}
