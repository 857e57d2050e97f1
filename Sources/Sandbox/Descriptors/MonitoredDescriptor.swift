internal import AgentBackend
internal import Synchronization

/// A descriptor that a task can wait for.
///
/// Safe to use from any thread. One task waits at a time: a second one wakes the first early, and to wake early is
/// allowed: whoever waited tries, and waits again.
final class MonitoredDescriptor: ReadinessTarget {
    enum Interest: Sendable {
        case readable
        /// Readable as long as there is something to be read. That the other end was closed wakes nobody.
        case bytes
        case writable
        /// The other end was closed.
        case hungUp
    }

    enum Wake: Sendable {
        /// Perhaps ready: try.
        case tryAgain
        /// ``interrupt()`` or ``close()`` was called, now or earlier.
        case interrupted
        /// The waiting task was cancelled.
        case cancelled
    }

    private struct State: ~Copyable {
        var descriptor: OwnedDescriptor?
        var isInterrupted = false
        /// What the reactor is to tell of.
        var awaited: Interest?
        /// It told when nobody waited.
        var isReady = false
        var nextWait: UInt64 = 0
        var waiting: (wait: UInt64, continuation: CheckedContinuation<Wake, Never>)?
    }

    private let reactor: ReadinessReactor
    private let key: UInt64
    private let state: Mutex<State>

    /// Takes over the descriptor and makes it non-blocking. `interest`: what is waited for first.
    init(
        _ descriptor: consuming OwnedDescriptor,
        for interest: Interest,
        reactor: ReadinessReactor
    ) throws(BackendError) {
        try descriptor.setNonBlocking()
        self.reactor = reactor
        let rawValue = descriptor.rawValue
        key = reactor.makeKey()
        state = Mutex(State(descriptor: descriptor, awaited: interest))
        try reactor.add(self, key: key, descriptor: rawValue, for: interest)
    }

    deinit {
        close()
    }

    /// Waits until the descriptor may be ready. Cancelling the task ends the wait.
    func wait(until interest: Interest) async -> Wake {
        let wait = state.withLock { state in
            defer { state.nextWait += 1 }
            return state.nextWait
        }
        return await withTaskCancellationHandler {
            await suspend(wait, until: interest, unlessCancelled: true)
        } onCancel: {
            cancel(wait)
        }
    }

    /// As ``wait(until:)``, but goes on through a cancellation: for what must be seen to its end.
    func waitToTheEnd(until interest: Interest) async -> Wake {
        let wait = state.withLock { state in
            defer { state.nextWait += 1 }
            return state.nextWait
        }
        return await suspend(wait, until: interest, unlessCancelled: false)
    }

    /// Runs a system call that does not block. Nil once closed.
    func withDescriptor<Result>(_ body: (Int32) -> Result) -> Result? {
        state.withLock { state in
            guard let descriptor = state.descriptor.take() else { return nil }
            let result = body(descriptor.rawValue)
            state.descriptor = consume descriptor
            return result
        }
    }

    /// Wakes who waits, and lets nobody wait from now on. The descriptor stays open. Idempotent.
    func interrupt() {
        resume(.interrupted) { $0.isInterrupted = true }
    }

    /// Interrupts, and closes the descriptor. Idempotent.
    func close() {
        resume(.interrupted) { state in
            state.isInterrupted = true
            if let descriptor = state.descriptor.take() {
                reactor.remove(key: key, descriptor: descriptor.rawValue)
            }
        }
    }

    /// Called by the reactor's thread.
    func becameReady() {
        resume(.tryAgain) { state in
            state.awaited = nil
            state.isReady = state.waiting == nil
        }
    }

    // MARK: Waiting

    private func suspend(_ wait: UInt64, until interest: Interest, unlessCancelled: Bool) async -> Wake {
        await withCheckedContinuation { continuation in
            let earlier = state.withLock { state -> (CheckedContinuation<Wake, Never>, Wake)? in
                if unlessCancelled, Task.isCancelled { return (continuation, .cancelled) }
                if state.isInterrupted { return (continuation, .interrupted) }
                if state.isReady {
                    state.isReady = false
                    return (continuation, .tryAgain)
                }
                let replaced = state.waiting?.continuation
                state.waiting = (wait, continuation)
                if state.awaited != interest, let descriptor = state.descriptor.take() {
                    reactor.arm(key: key, descriptor: descriptor.rawValue, for: interest)
                    state.awaited = interest
                    state.descriptor = consume descriptor
                }
                return replaced.map { ($0, .tryAgain) }
            }
            if let (continuation, wake) = earlier { continuation.resume(returning: wake) }
        }
    }

    private func cancel(_ wait: UInt64) {
        let continuation = state.withLock { state -> CheckedContinuation<Wake, Never>? in
            guard state.waiting?.wait == wait else { return nil }
            return state.waiting.take()?.continuation
        }
        continuation?.resume(returning: .cancelled)
    }

    private func resume(_ wake: Wake, after change: (inout State) -> Void) {
        let continuation = state.withLock { state in
            change(&state)
            return state.waiting.take()?.continuation
        }
        continuation?.resume(returning: wake)
    }
}
