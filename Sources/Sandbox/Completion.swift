internal import Synchronization

/// A value that comes once, and those who wait for it. Safe to use from any thread.
final class Completion<Value: Sendable>: Sendable {
    private struct State {
        var value: Value?
        var nextWait: UInt64 = 0
        var waiting: [UInt64: CheckedContinuation<Value?, Never>] = [:]
    }

    private let state = Mutex(State())

    /// The value, if it has come.
    var value: Value? { state.withLock { $0.value } }

    /// The first value stays; later ones are dropped. Returns whether this was the first.
    @discardableResult
    func fulfil(_ value: Value) -> Bool {
        let waiting = state.withLock { state -> [UInt64: CheckedContinuation<Value?, Never>]? in
            guard state.value == nil else { return nil }
            state.value = value
            defer { state.waiting = [:] }
            return state.waiting
        }
        for continuation in (waiting ?? [:]).values { continuation.resume(returning: value) }
        return waiting != nil
    }

    /// Waits for the value; nil if the calling task is cancelled first.
    func wait() async -> Value? {
        let wait = makeWait()
        return await withTaskCancellationHandler {
            await suspend(wait, unlessCancelled: true)
        } onCancel: {
            let continuation = state.withLock { $0.waiting.removeValue(forKey: wait) }
            continuation?.resume(returning: nil)
        }
    }

    /// Waits for the value, through a cancellation of the calling task.
    func waitToTheEnd() async -> Value {
        let wait = makeWait()
        while true {
            if let value = await suspend(wait, unlessCancelled: false) { return value }
        }
    }

    private func makeWait() -> UInt64 {
        state.withLock { state in
            defer { state.nextWait += 1 }
            return state.nextWait
        }
    }

    private func suspend(_ wait: UInt64, unlessCancelled: Bool) async -> Value? {
        await withCheckedContinuation { continuation in
            let isDone = state.withLock { state in
                guard state.value == nil, !(unlessCancelled && Task.isCancelled) else { return true }
                state.waiting[wait] = continuation
                return false
            }
            if isDone { continuation.resume(returning: value) }
        }
    }
}
