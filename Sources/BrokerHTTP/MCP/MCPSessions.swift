internal import AgentBackend
internal import ModelContextProtocol
internal import Synchronization

/// The sessions of clients that shake hands first, and the requests of each that are being answered. Safe to use from any
/// thread.
final class MCPSessions: Sendable {
    struct Session: Sendable {
        let id: String
        let token: TokenDigest
        let target: MCPTarget
        let version: ProtocolVersion
    }

    private struct Entry {
        let session: Session
        var lastUse: ContinuousClock.Instant
        /// To call them off.
        var requests: [MessageID: Occurrence] = [:]
    }

    private struct State {
        var entries: [String: Entry] = [:]
        var counts: [TokenDigest: Int] = [:]

        mutating func remove(_ id: String) -> Entry? {
            guard let entry = entries.removeValue(forKey: id) else { return nil }
            let left = counts[entry.session.token, default: 1] - 1
            counts[entry.session.token] = left > 0 ? left : nil
            return entry
        }
    }

    struct Limits: Sendable {
        var maximum: Int
        var maximumPerToken: Int
        var idleTime: Duration
    }

    private let limits: @Sendable () -> Limits
    private let state = Mutex(State())

    /// `limits`: asked each time.
    init(limits: @escaping @Sendable () -> Limits) {
        self.limits = limits
    }

    var count: Int { state.withLock { $0.entries.count } }

    /// Throws `RESOURCE_EXHAUSTED`.
    func begin(
        _ token: TokenDigest,
        _ target: MCPTarget,
        _ version: ProtocolVersion
    ) throws(BackendError) -> Session {
        let limits = limits()
        let session = Session(id: RandomName.make(words: 2), token: token, target: target, version: version)
        let refusal: BackendError? = state.withLock { state in
            let own = state.counts[token, default: 0]
            guard own < limits.maximumPerToken else {
                return Self.tooMany("sessions_per_token", limits.maximumPerToken)
            }
            guard state.entries.count < limits.maximum else { return Self.tooMany("sessions", limits.maximum) }
            state.entries[session.id] = Entry(session: session, lastUse: .now)
            state.counts[token] = own + 1
            return nil
        }
        if let refusal { throw refusal }
        return session
    }

    /// Nil: there is none of that name, or it is another token's, or about another workspace; which of them is nobody's
    /// business.
    func session(_ id: String, _ token: TokenDigest, _ target: MCPTarget) -> Session? {
        state.withLock { state in
            guard let session = state.entries[id]?.session, session.token == token, session.target == target else {
                return nil
            }
            state.entries[id]?.lastUse = .now
            return session
        }
    }

    /// Forgets it and calls off what it asked for.
    func end(_ session: Session) {
        for cancellation in state.withLock({ $0.remove(session.id)?.requests.values.map { $0 } }) ?? [] {
            cancellation.happen()
        }
    }

    /// A request that is being answered, as long as this is kept.
    final class Ongoing: Sendable {
        let calledOff = Occurrence()
        private let request: MessageID
        private let session: Session
        private let sessions: MCPSessions

        fileprivate init(_ request: MessageID, of session: Session, in sessions: MCPSessions) {
            self.request = request
            self.session = session
            self.sessions = sessions
        }

        deinit {
            sessions.ended(request, calledOff, of: session)
        }
    }

    /// A request is to be answered. Nil: another one of that id is.
    func begin(_ request: MessageID, of session: Session) -> Ongoing? {
        let ongoing = Ongoing(request, of: session, in: self)
        let isTaken = state.withLock { state in
            guard let entry = state.entries[session.id], entry.requests[request] == nil else { return false }
            state.entries[session.id]?.requests[request] = ongoing.calledOff
            return true
        }
        return isTaken ? ongoing : nil
    }

    private func ended(_ request: MessageID, _ calledOff: Occurrence, of session: Session) {
        state.withLock { state in
            guard state.entries[session.id]?.requests[request] === calledOff else { return }
            state.entries[session.id]?.requests[request] = nil
            state.entries[session.id]?.lastUse = .now
        }
    }

    /// Calls a request off. Of one that is not being answered: nothing happens.
    func cancel(_ request: MessageID, of session: Session) {
        state.withLock { $0.entries[session.id]?.requests[request] }?.happen()
    }

    /// Forgets those that nobody has used for a while. Ends by cancellation.
    func run() async {
        while (try? await Task.sleep(for: min(limits().idleTime, .seconds(60)))) != nil {
            let limit = ContinuousClock.now - limits().idleTime
            state.withLock { state in
                let idle = state.entries.filter { $0.value.requests.isEmpty && $0.value.lastUse < limit }
                for id in idle.keys { _ = state.remove(id) }
            }
        }
    }

    private static func tooMany(_ name: String, _ allowed: Int) -> BackendError {
        BackendError(
            .resourceExhausted,
            message:
                "\(allowed) sessions are open already, and no more may be: end one with DELETE, or try again later",
            isRetryable: true,
            limit: LimitDetails(name: name, used: UInt64(allowed), allowed: UInt64(allowed))
        )
    }
}
