import Synchronization

/// Where progress is shown.
protocol ProgressDisplay: Sendable {
    var columns: Int { get }

    /// Does not wait.
    func write(_ text: String)
}

/// Shows the progress of one transfer: from the moment that it takes longer than one, at most ten times a second, until
/// ``end()``, which leaves no trace of it. Safe to use from any thread.
final class ProgressBar: Sendable {
    private let display: any ProgressDisplay
    private let now: @Sendable () -> Duration
    private let state: Mutex<State>

    private struct State {
        var progress: TransferProgress
        var nextLine: Duration
        /// Columns of the line that stands there.
        var shown = 0
        var hasEnded = false
    }

    /// A transfer that is shorter is not shown.
    static let delay: Duration = .milliseconds(500)
    /// Between two lines, at least.
    static let interval: Duration = .milliseconds(100)

    /// `now`: the time since any one moment.
    init(total: UInt64?, on display: any ProgressDisplay, now: @escaping @Sendable () -> Duration) {
        self.display = display
        self.now = now
        let start = now()
        state = Mutex(State(progress: TransferProgress(total: total, at: start), nextLine: start + Self.delay))
    }

    /// On standard error; nil where that is no terminal.
    convenience init?(total: UInt64?) {
        guard let terminal = ProgressTerminal(2) else { return nil }
        let start = ContinuousClock.now
        self.init(total: total, on: terminal) { start.duration(to: .now) }
    }

    /// So many bytes more are through.
    func advance(_ count: Int) {
        let time = now()
        state.withLock { state in
            state.progress.add(count)
            guard !state.hasEnded, time >= state.nextLine else { return }
            state.nextLine = time + Self.interval
            // The last column stays free: a terminal may go to the next line with it.
            let line = state.progress.line(columns: max(0, display.columns - 1), at: time)
            let width = line.utf8.count
            display.write("\r\(line)\(String(repeating: " ", count: max(0, state.shown - width)))")
            state.shown = width
        }
    }

    /// Takes the line away. Idempotent.
    func end() {
        state.withLock { state in
            state.hasEnded = true
            guard state.shown > 0 else { return }
            // A terminal that became narrower since must not get more than a line.
            let width = min(state.shown, max(0, display.columns - 1))
            display.write("\r\(String(repeating: " ", count: width))\r")
            state.shown = 0
        }
    }
}
