internal import AgentBackend

/// When a connection that was lost is made again.
public struct ReconnectPolicy: Sendable, Hashable {
    /// False: not before the next call, or ``RemoteFilesystemBackend/connect()``, asks for it.
    public var isEnabled: Bool
    /// Attempts, one after the other, that may fail; then the backend stays disconnected until it is used again.
    /// 0: unlimited.
    public var maximumAttempts: Int
    /// The longest wait before the first attempt. How long it is, is drawn anew each time, from none to the longest:
    /// clients that lost one broker do not come back all at once.
    public var firstDelay: Duration
    /// By how much the longest wait grows with each failed attempt.
    public var factor: Double
    /// What it grows to at most.
    public var maximumDelay: Duration

    public init(
        isEnabled: Bool = true,
        maximumAttempts: Int = 5,
        firstDelay: Duration = .seconds(1),
        factor: Double = 2,
        maximumDelay: Duration = .seconds(30)
    ) {
        self.isEnabled = isEnabled
        self.maximumAttempts = maximumAttempts
        self.firstDelay = firstDelay
        self.factor = factor
        self.maximumDelay = maximumDelay
    }

    /// The longest wait before the next attempt, after so many failed ones.
    func longestDelay(after failures: Int) -> Duration {
        var delay = min(firstDelay, maximumDelay)
        for _ in 0..<failures {
            // Whatever it is multiplied with, it grows no more.
            guard delay > .zero, factor > 1, delay < maximumDelay else { break }
            delay = delay > maximumDelay / factor ? maximumDelay : delay * factor
        }
        return delay
    }

    func validate() throws(BackendError) {
        let isSound =
            maximumAttempts >= 0 && firstDelay >= .zero && maximumDelay >= .zero && factor >= 1 && factor.isFinite
        guard isSound else {
            throw BackendError(
                .invalidConfiguration,
                message: "the reconnect policy has a negative number or a factor below 1: correct it"
            )
        }
    }
}
