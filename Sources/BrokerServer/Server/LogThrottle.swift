internal import Synchronization

/// Lets so many lines of a log through in a second. Safe to use from any thread.
final class LogThrottle: Sendable {
    private struct State {
        var bucket: TokenBucket
        var leftOut = 0
    }

    private let state: Mutex<State>
    private let elapsed: @Sendable () -> Duration

    init(linesPerSecond: Int, elapsed: @escaping @Sendable () -> Duration) {
        let rate = TokenBucket.Rate(perSecond: linesPerSecond, capacity: linesPerSecond)
        state = Mutex(State(bucket: TokenBucket(rate, at: elapsed())))
        self.elapsed = elapsed
    }

    /// How many lines were left out before this one; nil: this one is too.
    func admit() -> Int? {
        let now = elapsed()
        return state.withLock { state in
            guard state.bucket.take(at: now) == nil else {
                state.leftOut += 1
                return nil
            }
            defer { state.leftOut = 0 }
            return state.leftOut
        }
    }
}
