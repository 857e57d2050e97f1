import Synchronization

/// A clock that stands still until it is told to go on.
final class ManualClock: Clock, Sendable {
    struct Instant: InstantProtocol {
        var offset: Duration

        func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        func duration(to other: Instant) -> Duration { other.offset - offset }
        static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    private struct State {
        var now = Instant(offset: .zero)
        var nextSleeper = 0
        var sleepers: [Int: (deadline: Instant, continuation: CheckedContinuation<Bool, Never>)] = [:]
        var cancelled: Set<Int> = []
        var watchers: [(duration: Duration, continuation: CheckedContinuation<Void, Never>)] = []

        mutating func add(
            _ sleeper: Int,
            _ deadline: Instant,
            _ continuation: CheckedContinuation<Bool, Never>
        ) -> (result: Bool?, watchers: [CheckedContinuation<Void, Never>]) {
            if cancelled.remove(sleeper) != nil { return (false, []) }
            if deadline <= now { return (true, []) }
            sleepers[sleeper] = (deadline, continuation)
            let seen = watchers.filter { now.advanced(by: $0.duration) == deadline }
            watchers.removeAll { now.advanced(by: $0.duration) == deadline }
            return (nil, seen.map(\.continuation))
        }
    }

    private let state = Mutex(State())

    var now: Instant { state.withLock { $0.now } }
    var minimumResolution: Duration { .zero }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        let sleeper = state.withLock { state in
            defer { state.nextSleeper += 1 }
            return state.nextSleeper
        }
        let isDone = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let (result, watchers) = state.withLock { $0.add(sleeper, deadline, continuation) }
                if let result { continuation.resume(returning: result) }
                for watcher in watchers { watcher.resume() }
            }
        } onCancel: {
            let continuation = state.withLock { state in
                state.cancelled.insert(sleeper)
                return state.sleepers.removeValue(forKey: sleeper)?.continuation
            }
            continuation?.resume(returning: false)
        }
        guard isDone else { throw CancellationError() }
    }

    /// Lets time pass, and wakes whose time has come.
    func advance(by duration: Duration) {
        let due = state.withLock { state in
            state.now = state.now.advanced(by: duration)
            let due = state.sleepers.filter { $0.value.deadline <= state.now }
            for sleeper in due.keys { state.sleepers[sleeper] = nil }
            return due.values.map(\.continuation)
        }
        for continuation in due { continuation.resume(returning: true) }
    }

    /// Waits until somebody sleeps for exactly this long from now.
    func sleeperArrived(for duration: Duration) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                let deadline = state.now.advanced(by: duration)
                if state.sleepers.values.contains(where: { $0.deadline == deadline }) { return true }
                state.watchers.append((duration, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }
}
