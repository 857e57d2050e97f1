internal import AgentBackend

/// Whether there is a connection, and when the next attempt to make one is due.
///
/// An attempt that was asked for, by a call or in so many words, is made once, and again only where a broker that shuts
/// down answered. A connection that is lost is made again by itself, as often as the policy says; each attempt that
/// fails is a `disconnected` of its own. Knows no channel,
/// clock or call; ``ReconnectingConnection`` drives it.
struct ReconnectStateMachine: Sendable {
    private enum State {
        /// Becomes `connecting` or `destroyed`.
        case disconnected
        /// With how many attempts failed since the connection was lost; nil: it was asked for. Becomes `connected`,
        /// `disconnected`, `reconnecting` or `destroyed`.
        case connecting(failures: Int?)
        /// Becomes `disconnected`, `reconnecting` or `destroyed`.
        case connected
        /// Waits for the next attempt. Becomes `connecting` or `destroyed`.
        case reconnecting(failures: Int)
        case destroyed
    }

    enum Action: Sendable {
        case report(BackendStatus, cause: BackendError? = nil)
        /// Begin an attempt.
        case connect
        /// Tell when this time has passed.
        case wait(Duration)
        case endWait
        case callOffAttempt
        /// The calls that wait go out.
        case sendWaiting
        /// The calls that wait fail.
        case failWaiting(BackendError)
    }

    private var state = State.disconnected
    private let policy: ReconnectPolicy
    /// Decides the jitter.
    private var generator: any RandomNumberGenerator & Sendable

    init(_ policy: ReconnectPolicy, generator: any RandomNumberGenerator & Sendable) {
        self.policy = policy
        self.generator = generator
    }

    // MARK: Events

    /// A call waits.
    mutating func callWaits() -> [Action] {
        switch state {
        case .disconnected: connect(failures: nil)
        case .connecting, .reconnecting: []
        case .connected: [.sendWaiting]
        case .destroyed: [.failWaiting(.destroyedBackend)]
        }
    }

    /// Somebody wants a connection now.
    mutating func connectionWanted() -> [Action] {
        switch state {
        case .disconnected: connect(failures: nil)
        case .reconnecting(let failures): [.endWait] + connect(failures: failures)
        case .connecting: []
        case .connected: [.sendWaiting]
        case .destroyed: [.failWaiting(.destroyedBackend)]
        }
    }

    mutating func attemptSucceeded() -> [Action] {
        guard case .connecting = state else { return [] }
        state = .connected
        return [.report(.connected), .sendWaiting]
    }

    /// `mayRecover`: another attempt may succeed.
    mutating func attemptFailed(_ error: BackendError, mayRecover: Bool) -> [Action] {
        guard case .connecting(var earlier) = state else { return [] }
        // A planned end: the next broker is on its way.
        if error.code == .shuttingDown, policy.isEnabled { earlier = earlier ?? 0 }
        if let earlier, mayRecover, policy.maximumAttempts == 0 || earlier + 1 < policy.maximumAttempts {
            return reconnect(failures: earlier + 1, error)
        }
        state = .disconnected
        return [.report(.disconnected, cause: error), .failWaiting(error)]
    }

    /// The connection takes no more calls.
    mutating func connectionLost(_ error: BackendError) -> [Action] {
        guard case .connected = state else { return [] }
        if policy.isEnabled { return reconnect(failures: 0, error) }
        state = .disconnected
        return [.report(.disconnected, cause: error)]
    }

    mutating func waitEnded() -> [Action] {
        guard case .reconnecting(let failures) = state else { return [] }
        return connect(failures: failures)
    }

    /// For good. Its owner reports that.
    mutating func destroyed() -> [Action] {
        defer { state = .destroyed }
        let fail = Action.failWaiting(.destroyedBackend)
        return switch state {
        case .disconnected, .connected: [fail]
        case .connecting: [.callOffAttempt, fail]
        case .reconnecting: [.endWait, fail]
        case .destroyed: []
        }
    }

    // MARK: Transitions

    private mutating func connect(failures: Int?) -> [Action] {
        state = .connecting(failures: failures)
        return [.report(.connecting), .connect]
    }

    private mutating func reconnect(failures: Int, _ error: BackendError) -> [Action] {
        state = .reconnecting(failures: failures)
        let delay = policy.longestDelay(after: failures) * Double.random(in: 0...1, using: &generator)
        return [
            .report(.disconnected, cause: error), .report(.reconnecting, cause: error),
            .wait(max(delay, error.retryAfter ?? .zero)),
        ]
    }
}
