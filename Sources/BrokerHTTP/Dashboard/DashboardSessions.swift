internal import AgentBackend
internal import Synchronization

/// Who is logged in to the dashboard. Safe to use from any thread.
///
/// A session is known by the digest of its name, which only the cookie has. It ends when it is logged out, when nothing
/// was asked and nothing streamed for a while, when it is very old, and with its token.
final class DashboardSessions: Sendable {
    struct Session: Sendable {
        let id: TokenDigest
        /// What the page shows with whatever changes something.
        let secret: String
        let feed: DashboardFeed
    }

    private struct Entry {
        let session: Session
        let began: ContinuousClock.Instant
        var lastUse: ContinuousClock.Instant
        var streams: [ObjectIdentifier: WeakStream] = [:]
    }

    private struct WeakStream {
        weak var stream: DashboardStream?
    }

    struct Limits: Sendable {
        var maximum: Int
        var maximumStreams: Int
        var idleTime: Duration
    }

    /// However much it is used.
    private static let maximumAge = Duration.seconds(12 * 3600)
    /// Of one session.
    private static let maximumStreamsPerSession = 16

    private let limits: @Sendable () -> Limits
    private let released: @Sendable (DashboardFeed) -> Void
    private let state = Mutex<[TokenDigest: Entry]>([:])

    /// - Parameters:
    ///   - limits: Asked each time.
    ///   - released: A session that had this feed has ended, or was not begun: once for each ``begin(_:)``.
    init(limits: @escaping @Sendable () -> Limits, released: @escaping @Sendable (DashboardFeed) -> Void) {
        self.limits = limits
        self.released = released
    }

    /// The name of a new session, and the session. Throws `RESOURCE_EXHAUSTED`.
    func begin(_ feed: DashboardFeed) throws(BackendError) -> (name: String, session: Session) {
        let (name, maximum) = (RandomName.make(words: 4), limits().maximum)
        let ofToken = Self.share(maximum)
        let session = Session(id: TokenDigest(name), secret: RandomName.make(words: 4), feed: feed)
        let refusal: BackendError? = state.withLock { state in
            guard state.count < maximum else { return Self.tooMany("dashboard_sessions", maximum) }
            guard state.values.count(where: { $0.session.feed === feed }) < ofToken else {
                return Self.tooMany("dashboard_sessions_of_token", ofToken)
            }
            state[session.id] = Entry(session: session, began: .now, lastUse: .now)
            return nil
        }
        if let refusal {
            released(feed)
            throw refusal
        }
        return (name, session)
    }

    /// Of all that may be, what one token may have: it is not to lock others out.
    private static func share(_ maximum: Int) -> Int { max(1, maximum / 4) }

    /// Nil: there is none of that name, or not any more.
    func session(_ name: String) -> Session? {
        let id = TokenDigest(name)
        let session = state.withLock { state in
            state[id]?.lastUse = .now
            return state[id]?.session
        }
        // One that began while its feed came to its end is told of nothing.
        return session?.feed.isOver ?? true ? nil : session
    }

    func end(_ session: Session, _ reason: String) {
        end([session.id], reason)
    }

    /// The token is good no more, or the broker ends.
    func endAll(of feed: DashboardFeed, _ reason: String) {
        end(state.withLock { state in state.filter { $0.value.session.feed === feed }.map(\.key) }, reason)
    }

    private func end(_ ids: [TokenDigest], _ reason: String) {
        for id in ids {
            guard let entry = state.withLock({ $0.removeValue(forKey: id) }) else { continue }
            for stream in entry.streams.values { stream.stream?.end(reason) }
            released(entry.session.feed)
        }
    }

    /// An answer of a session is to go on. Throws `RESOURCE_EXHAUSTED`, and `AUTH_FAILED` where the session has ended.
    func openStream(of session: Session) throws(BackendError) -> DashboardStream {
        let maximum = limits().maximumStreams
        let stream = DashboardStream { [weak self] stream in self?.closed(stream, of: session.id) }
        let refusal: BackendError? = state.withLock { state in
            guard let own = state[session.id]?.streams.count else { return Self.ended }
            guard own < Self.maximumStreamsPerSession else {
                return Self.tooMany("session_streams", Self.maximumStreamsPerSession)
            }
            guard state.values.reduce(0, { $0 + $1.streams.count }) < maximum else {
                return Self.tooMany("event_streams", maximum)
            }
            let ofToken = state.values.filter { $0.session.feed === session.feed }
            guard ofToken.reduce(0, { $0 + $1.streams.count }) < Self.share(maximum) else {
                return Self.tooMany("event_streams_of_token", Self.share(maximum))
            }
            state[session.id]?.streams[ObjectIdentifier(stream)] = WeakStream(stream: stream)
            return nil
        }
        if let refusal { throw refusal }
        return stream
    }

    private func closed(_ stream: ObjectIdentifier, of session: TokenDigest) {
        state.withLock { state in
            guard state[session]?.streams.removeValue(forKey: stream) != nil else { return }
            state[session]?.lastUse = .now
        }
    }

    /// Ends those that nobody uses. Ends by cancellation.
    func run() async {
        while (try? await Task.sleep(for: min(limits().idleTime, .seconds(60)))) != nil {
            let (now, idleTime) = (ContinuousClock.now, limits().idleTime)
            let idle = state.withLock { state in
                state.values.filter { entry in
                    entry.streams.isEmpty && entry.lastUse + idleTime < now || entry.began + Self.maximumAge < now
                }
            }
            end(idle.map(\.session.id), "idle")
        }
    }

    private static let ended = BackendError(.authFailed, message: "the session has ended: log in with a token")

    private static func tooMany(_ name: String, _ allowed: Int) -> BackendError {
        BackendError(
            .resourceExhausted,
            message: "\(allowed) of the dashboard's \(name) are open already, and no more may be: close another page, "
                + "or try again later",
            isRetryable: true,
            limit: LimitDetails(name: name, used: UInt64(allowed), allowed: UInt64(allowed))
        )
    }
}
