internal import Synchronization

/// Wakes the one task that waits for something to do. Safe to use from any thread.
package final class Wakeup: Sendable {
    private struct State {
        var waiter: CheckedContinuation<Void, Never>?
        /// There is something to do that nobody was waiting for.
        var isWoken = false
    }

    private let state = Mutex(State())

    package init() {}

    /// Returns once it was woken since the last return, or the task is cancelled.
    package func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { waiter in
                let isReady = state.withLock { state in
                    let isReady = state.isWoken || Task.isCancelled
                    state.isWoken = false
                    if !isReady { state.waiter = waiter }
                    return isReady
                }
                if isReady { waiter.resume() }
            }
        } onCancel: {
            wake()
        }
    }

    package func wake() {
        let waiter = state.withLock { state in
            defer { state.waiter = nil }
            if state.waiter == nil { state.isWoken = true }
            return state.waiter
        }
        waiter?.resume()
    }
}
