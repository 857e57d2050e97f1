internal import Synchronization

/// A clock that stands still until a test moves it.
///
/// ``advance(to:)`` wakes, in the order of their deadlines, all sleepers whose deadline has come, and returns at
/// once: what they do then runs on their own executors. ``nextTimerScheduled()`` says when the code under test
/// has gone to sleep, so a test need not guess. Sleeping ends with `CancellationError` when its task is
/// cancelled. Safe to share; copies are the same clock.
package final class MockClock: Clock, Sendable {
    /// Time since the clock was made.
    package struct Instant: InstantProtocol {
        package let offset: Duration

        package init(offset: Duration) {
            self.offset = offset
        }

        package func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }

        package func duration(to other: Instant) -> Duration { other.offset - offset }

        package static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    private struct Sleeper {
        let deadline: Instant
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var now = Instant(offset: .zero)
        var lastID: UInt64 = 0
        var sleepers: [UInt64: Sleeper] = [:]
        /// Deadlines of sleepers that nobody has been told of.
        var announcements: [Instant] = []
        /// Those that wait to be told.
        var listeners: [CheckedContinuation<Instant, Never>] = []
    }

    private let state = Mutex(State())

    package init() {}

    package var now: Instant { state.withLock { $0.now } }

    package var minimumResolution: Duration { .nanoseconds(1) }

    /// Tasks that sleep now.
    package var sleeperCount: Int { state.withLock { $0.sleepers.count } }

    package func sleep(until deadline: Instant, tolerance: Duration? = nil) async throws {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                begin(Sleeper(deadline: deadline, continuation: continuation), id)
            }
        } onCancel: {
            let sleeper = state.withLock { $0.sleepers.removeValue(forKey: id) }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }

    /// Moves time forward, to `instant`. Ignored where that is in the past.
    package func advance(to instant: Instant) {
        let woken = state.withLock { state in
            state.now = max(state.now, instant)
            let due = state.sleepers.filter { $0.value.deadline <= state.now }
            for id in due.keys {
                state.sleepers[id] = nil
            }
            return due.sorted { ($0.value.deadline, $0.key) < ($1.value.deadline, $1.key) }
        }
        for (_, sleeper) in woken {
            sleeper.continuation.resume()
        }
    }

    /// Moves time forward, by `duration`.
    package func advance(by duration: Duration) {
        advance(to: now.advanced(by: duration))
    }

    /// The deadline of the next task that went, or goes, to sleep.
    ///
    /// Each sleep is told once, in the order in which they began. One whose deadline had come already is not
    /// told, because it does not sleep. Not ended by cancelling.
    @discardableResult
    package func nextTimerScheduled() async -> Instant {
        await withCheckedContinuation { continuation in
            let announcement = state.withLock { state -> Instant? in
                guard state.announcements.isEmpty else { return state.announcements.removeFirst() }
                state.listeners.append(continuation)
                return nil
            }
            if let announcement {
                continuation.resume(returning: announcement)
            }
        }
    }

    private enum Beginning {
        case wakeUp
        case cancel
        case sleep(told: CheckedContinuation<Instant, Never>?)
    }

    private func begin(_ sleeper: Sleeper, _ id: UInt64) {
        let beginning = state.withLock { state -> Beginning in
            // Read under the lock: a cancellation from here on finds the sleeper.
            guard !Task.isCancelled else { return .cancel }
            guard sleeper.deadline > state.now else { return .wakeUp }
            state.sleepers[id] = sleeper
            guard state.listeners.isEmpty else { return .sleep(told: state.listeners.removeFirst()) }
            state.announcements.append(sleeper.deadline)
            return .sleep(told: nil)
        }
        switch beginning {
        case .wakeUp: sleeper.continuation.resume()
        case .cancel: sleeper.continuation.resume(throwing: CancellationError())
        case .sleep(let listener): listener?.resume(returning: sleeper.deadline)
        }
    }
}
