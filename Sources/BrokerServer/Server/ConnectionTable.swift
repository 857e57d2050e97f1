internal import AgentBackend
internal import NIOCore
internal import Synchronization

/// The connections that are open, so that they can be drained. Safe to use from any thread.
final class ConnectionTable: Sendable {
    /// One connection, as far as the table needs it.
    struct Member: Sendable {
        /// Ask it to take nothing more; `timeout` is what it tells its peer.
        let drain: @Sendable (_ timeout: Duration) -> Void
        /// End its calls and close it.
        let cancel: @Sendable (BackendError) -> Void
    }

    private struct State {
        var members: [UInt64: Member] = [:]
        var lastID: UInt64 = 0
        var drainTimeout: Duration?
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    private let capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
    }

    var count: Int { state.withLock { $0.members.count } }

    /// Nil: there are as many as may be. One that comes while others are drained is drained at once.
    func add(_ member: Member) -> UInt64? {
        let (id, drainTimeout) = state.withLock { state -> (UInt64?, Duration?) in
            guard state.members.count < capacity else { return (nil, nil) }
            state.lastID += 1
            state.members[state.lastID] = member
            return (state.lastID, state.drainTimeout)
        }
        if let drainTimeout { member.drain(drainTimeout) }
        return id
    }

    func remove(_ id: UInt64) {
        let waiters = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.members[id] = nil
            guard state.members.isEmpty else { return [] }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    func drainAll(_ timeout: Duration) {
        let members = state.withLock { state in
            state.drainTimeout = timeout
            return Array(state.members.values)
        }
        for member in members { member.drain(timeout) }
    }

    func cancelAll(_ error: BackendError) {
        for member in state.withLock({ Array($0.members.values) }) { member.cancel(error) }
    }

    /// Returns when there are none. Every member ends in bounded time once it was cancelled.
    func waitUntilEmpty() async {
        await withCheckedContinuation { continuation in
            let isEmpty = state.withLock { state in
                if state.members.isEmpty { return true }
                state.waiters.append(continuation)
                return false
            }
            if isEmpty { continuation.resume() }
        }
    }
}
