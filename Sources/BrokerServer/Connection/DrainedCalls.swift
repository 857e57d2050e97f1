internal import AgentBackend

/// The calls of one connection that were in flight when the broker began to end.
struct DrainedCalls {
    private(set) var count: Int
    private let drain: BrokerDrain

    init(count: Int, drain: BrokerDrain) {
        self.count = count
        self.drain = drain
    }

    /// `cause`: what ended it from outside. Nil: it came to its own end.
    mutating func callEnded(cause: BackendError?) {
        guard count > 0 else { return }
        count -= 1
        switch cause?.code {
        case .shuttingDown: drain.callEnded(.cancelled)
        case .connectionClosed: drain.callEnded(.abandoned)
        default: drain.callEnded(.finished)
        }
    }

    /// Nobody hears of the others any more.
    mutating func connectionEnded() {
        for _ in 0..<count { drain.callEnded(.abandoned) }
        count = 0
    }
}
