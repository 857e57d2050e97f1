internal import AgentBackend
internal import NIOCore
internal import Synchronization

/// The connections that are open, so that they can be drained. Safe to use from any thread.
final class ConnectionTable: Sendable {
    /// One connection, as far as the table needs it.
    struct Member: Sendable {
        /// Ask it to take nothing more; `timeout` is what it tells its peer. It says what it has in flight.
        let drain: @Sendable (_ timeout: Duration) -> Void
        /// End its calls, each with an answer.
        let cancelCalls: @Sendable () -> Void
        /// End its calls and close it.
        let close: @Sendable (BackendError) -> Void
    }

    private struct State {
        var members: [UInt64: Member] = [:]
        var lastID: UInt64 = 0
        var drainTimeout: Duration?
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    private let capacity: Int
    private let drain: BrokerDrain

    init(capacity: Int, drain: BrokerDrain) {
        self.capacity = capacity
        self.drain = drain
    }

    var count: Int { state.withLock { $0.members.count } }

    /// Nil: there are as many as may be. One that comes while others are drained is drained at once.
    func add(_ member: Member) -> UInt64? {
        let (id, drainTimeout) = state.withLock { state -> (UInt64?, Duration?) in
            guard state.members.count < capacity else { return (nil, nil) }
            state.lastID += 1
            state.members[state.lastID] = member
            if state.drainTimeout != nil { drain.connectionCame() }
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
            drain.began(connections: state.members.count)
            return Array(state.members.values)
        }
        for member in members { member.drain(timeout) }
    }

    func cancelAllCalls() {
        for member in state.withLock({ Array($0.members.values) }) { member.cancelCalls() }
    }

    func closeAll(_ error: BackendError) {
        for member in state.withLock({ Array($0.members.values) }) { member.close(error) }
    }

    /// Returns when there are none. Every member ends in bounded time once it was told to close.
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
