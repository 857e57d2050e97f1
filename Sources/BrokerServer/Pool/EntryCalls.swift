internal import AgentBackend
internal import Synchronization

/// The calls that wait in an entry, so that they end when it does. Safe to use from any thread.
final class EntryCalls: Sendable {
    typealias ID = UInt64

    private struct State {
        var streams: [ID: any CallStream] = [:]
        var lastID: ID = 0
        /// Set once no more may begin.
        var isClosed = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Nil: the entry is being destroyed.
    func began(_ stream: any CallStream) -> ID? {
        state.withLock { state in
            guard !state.isClosed else { return nil }
            state.lastID += 1
            state.streams[state.lastID] = stream
            return state.lastID
        }
    }

    func ended(_ call: ID) {
        let waiters = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.streams[call] = nil
            guard state.streams.isEmpty else { return [] }
            // Without the memory that it had: an idle entry would keep it.
            state.streams = [:]
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Ends those that there are; no more begin.
    func cancelAll(_ error: BackendError) {
        let streams = state.withLock { state in
            state.isClosed = true
            return Array(state.streams.values)
        }
        for stream in streams { stream.cancel(error) }
    }

    /// Returns when none is left. A call that was cancelled ends in bounded time.
    func waitForEnds() async {
        await withCheckedContinuation { continuation in
            let isEmpty = state.withLock { state in
                if !state.streams.isEmpty { state.waiters.append(continuation) }
                return state.streams.isEmpty
            }
            if isEmpty { continuation.resume() }
        }
    }
}
