internal import AgentBackend
internal import Synchronization

/// The connections that are open: who may come in, and all of them so that they can be drained, looked at and told of a
/// reload. Safe to use from any thread.
final class ConnectionTable: Sendable {
    /// One connection, as far as the table needs it.
    struct Member: Sendable {
        /// Ask it to take nothing more; `timeout` is what it tells its peer. It says what it has in flight.
        let drain: @Sendable (_ timeout: Duration) -> Void
        /// End its calls, each with an answer.
        let cancelCalls: @Sendable () -> Void
        /// End its calls and close it.
        let close: @Sendable (BackendError) -> Void
        /// Close it at once: another one takes its place.
        let displace: @Sendable (BackendError) -> Void
        /// For its event loop.
        let connection: ConnectionHandler
        /// Nil: it has not said hello.
        var org: Org.ID?
    }

    /// What a connection tells of itself.
    struct Entry: Sendable {
        fileprivate let table: ConnectionTable
        fileprivate let id: UInt64

        /// As ``ConnectionDescription/number``.
        var number: UInt64 { id }

        /// It was shown a valid token of this org. False: another connection has its place already.
        func authenticated(_ org: Org.ID) -> Bool {
            table.state.withLock { state in
                guard state.admission.authenticated(id, at: table.elapsed()) else { return false }
                state.members[id]?.org = org
                return true
            }
        }

        /// It makes the broker keep so many bytes beside its calls. Another one, or this one, has to go where that is
        /// too much for its org.
        func keepsBuffers(_ bytes: Int, _ org: Org.ID, _ admission: CallAdmission) {
            guard let (id, error) = admission.keepsBuffers(bytes, connection: id, org: org) else { return }
            table.state.withLock { $0.members[id] }?.displace(error)
        }

        /// It was shown a token that is not known.
        func authenticationFailed() -> AuthenticationFailure {
            table.state.withLock { $0.admission.authenticationFailed(id, at: table.elapsed()) }
        }
    }

    private struct State {
        var admission: AdmissionStateMachine
        var members: [UInt64: Member] = [:]
        var drainTimeout: Duration?
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>
    private let lastID = Atomic<UInt64>(0)
    private let drain: BrokerDrain
    private let elapsed: @Sendable () -> Duration

    /// - Parameter elapsed: Time since any one moment.
    init(_ limits: AdmissionLimits, drain: BrokerDrain, elapsed: @escaping @Sendable () -> Duration) {
        state = Mutex(State(admission: AdmissionStateMachine(limits)))
        self.drain = drain
        self.elapsed = elapsed
    }

    var count: Int { state.withLock { $0.members.count } }

    /// Of peers that had shown no valid token.
    var admissionCounts: AdmissionStateMachine.Counts { state.withLock { $0.admission.counts } }

    /// For a connection that ``add(_:_:from:)`` is asked to take next.
    func makeEntry() -> Entry {
        Entry(table: self, id: lastID.add(1, ordering: .relaxed).newValue)
    }

    enum Addition {
        case added
        case refused(BackendError, inAll: UInt64)
    }

    /// Takes a connection, in the place of another one where it has to. One that comes while others are drained is
    /// drained at once.
    ///
    /// - Parameter address: nil: it has none.
    func add(_ entry: Entry, _ member: Member, from address: IPAddress?) -> Addition {
        let now = elapsed()
        let (action, displaced, drainTimeout, refused) = state.withLock { state in
            let action = state.admission.arrived(entry.id, from: address, at: now)
            var displaced: Member?
            if case .serve(let displacement) = action {
                displaced = displacement.flatMap { state.members[$0.id] }
                state.members[entry.id] = member
                if state.drainTimeout != nil { drain.connectionCame() }
            }
            return (action, displaced, state.drainTimeout, state.admission.counts.refused)
        }
        switch action {
        case .refuse(let error):
            return .refused(error, inAll: refused)
        case .serve(let displacement):
            if let displacement { displaced?.displace(displacement.error) }
            if let drainTimeout { member.drain(drainTimeout) }
            return .added
        }
    }

    /// What counts for connections that come from now on. Those that are open stay.
    func update(_ limits: AdmissionLimits) {
        state.withLock { $0.admission.update(limits) }
    }

    /// All connections, in no order.
    var all: [NumberedConnection] {
        state.withLock { $0.members.map { NumberedConnection(number: $0.key, connection: $0.value.connection) } }
    }

    /// The first `limit` that have said hello whose id is above `id`, and whether there are more. `org` nil: of all.
    func page(of org: Org.ID?, after id: UInt64, limit: Int) -> (members: [NumberedConnection], isTruncated: Bool) {
        var page = BoundedSelection<NumberedConnection>(limit: limit) { $0.number < $1.number }
        state.withLock { state in
            for (number, member) in state.members where number > id && member.org != nil {
                guard org == nil || member.org == org else { continue }
                page.insert(NumberedConnection(number: number, connection: member.connection))
            }
        }
        return (page.sorted(), page.isTruncated)
    }

    /// Nothing is left of the connection. Harmless for one that was not taken.
    func remove(_ entry: Entry) {
        let now = elapsed()
        let waiters = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.admission.left(entry.id, at: now)
            state.members[entry.id] = nil
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
