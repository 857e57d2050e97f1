internal import AgentBackend
internal import Synchronization

/// Work that is done for many at once, one after the other: who asks while it goes on has it done once more, together with
/// all others who asked meanwhile. Safe to use from any task.
final class SharedWork: Sendable {
    private enum Turn {
        /// It was done for them.
        case done
        /// They are to do it themselves, for all who wait.
        case isYours
    }

    private struct State {
        var isGoingOn = false
        /// Wait for what goes on.
        var present: [CheckedContinuation<Turn, Never>] = []
        /// Asked since it began.
        var next: [CheckedContinuation<Turn, Never>] = []
    }

    private let state = Mutex(State())

    /// Returns when `body` was run by somebody, from its beginning to its end since this was called. What it throws is
    /// thrown to the one who ran it alone; another one tries next. A wait for others cannot be cancelled.
    func run(_ body: () async throws(BackendError) -> Void) async throws(BackendError) {
        let turn = await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                guard state.isGoingOn else {
                    state.isGoingOn = true
                    return true
                }
                state.next.append(continuation)
                return false
            }
            if isFree { continuation.resume(returning: .isYours) }
        }
        guard turn == .isYours else { return }
        do throws(BackendError) {
            try await body()
        } catch {
            handOver(isDone: false)
            throw error
        }
        handOver(isDone: true)
    }

    private func handOver(isDone: Bool) {
        let (done, successor) = state.withLock { state in
            var waiting = state.next
            if !isDone { waiting = state.present + waiting }
            let done = isDone ? state.present : []
            let successor = waiting.isEmpty ? nil : waiting.removeFirst()
            state = State(isGoingOn: successor != nil, present: waiting)
            return (done, successor)
        }
        for waiter in done { waiter.resume(returning: .done) }
        successor?.resume(returning: .isYours)
    }
}
