internal import AgentBackend
internal import Synchronization

/// Tasks that the reactor's thread wakes when it is time. Safe to use from any thread.
final class Sleepers: Sendable {
    private struct State {
        var queue = SleepQueue<CheckedContinuation<Bool, Never>>()
        var nextID: UInt64 = 0
        var isStopped = false
    }

    private let state = Mutex(State())
    private let start = ContinuousClock.now
    /// Has the thread call ``wakeThoseDue()``.
    private let signal: ReactorSignal

    init(_ signal: ReactorSignal) {
        self.signal = signal
    }

    var count: Int { state.withLock { $0.queue.count } }

    /// Returns whether the time has come; false: the task was cancelled, or the reactor was stopped.
    func sleep(until deadline: ContinuousClock.Instant) async -> Bool {
        let id = state.withLock { state in
            defer { state.nextID += 1 }
            return state.nextID
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { suspend(id, start.duration(to: deadline), $0) }
        } onCancel: {
            state.withLock { $0.queue.remove(id) }?.resume(returning: false)
        }
    }

    /// Called by the reactor's thread. Returns in how many milliseconds it is to be called again; -1: when it is told to.
    func wakeThoseDue() -> Int32 {
        let (due, next) = state.withLock { $0.queue.look(at: start.duration(to: .now)) }
        for continuation in due { continuation.resume(returning: true) }
        guard let next else { return -1 }
        // Not before it is time.
        return Int32(clamping: Int64((next / .milliseconds(1)).rounded(.up)))
    }

    /// Wakes all; nobody sleeps from now on. Idempotent.
    func stop() {
        let all = state.withLock { state in
            state.isStopped = true
            return state.queue.removeAll()
        }
        for continuation in all { continuation.resume(returning: false) }
    }

    private func suspend(_ id: UInt64, _ deadline: Duration, _ continuation: CheckedContinuation<Bool, Never>) {
        let isSooner = state.withLock { state -> Bool? in
            guard !state.isStopped, !Task.isCancelled else { return nil }
            return state.queue.add(continuation, id: id, until: deadline)
        }
        switch isSooner {
        case true: signal.send()
        case false: break
        case nil: continuation.resume(returning: false)
        }
    }
}

/// The time of ``ContinuousClock``, and sleeps that end with their tasks. Of a sleep on that clock itself the runtime keeps
/// some hundred bytes until its time has come, even where its task was cancelled long ago: of the deadlines of a
/// thousand commands a second, which are an hour long, that would be gigabytes.
struct ReactorClock: Clock {
    let reactor: ReadinessReactor

    var now: ContinuousClock.Instant { .now }
    var minimumResolution: Duration { .milliseconds(1) }

    func sleep(until deadline: ContinuousClock.Instant, tolerance: Duration?) async throws {
        guard await reactor.sleepers.sleep(until: deadline) else { throw CancellationError() }
    }
}
