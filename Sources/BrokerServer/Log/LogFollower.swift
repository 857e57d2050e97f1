internal import AgentBackend
internal import Synchronization

/// The records that wait for one who follows: bounded, and what does not fit is counted.
///
/// Safe to use from any thread; one task at a time waits for the next records.
final class LogFollower: Sendable {
    private struct State {
        var queue: RecordQueue<OperationRecord>
        var waiter: CheckedContinuation<Void, Never>?
        /// There is something to do that nobody was waiting for.
        var isWoken = false
    }

    let id: UInt64
    /// Nil: all of them.
    let org: String?
    /// Also what changes nothing.
    let isVerbose: Bool
    private let allows: @Sendable (String) -> Bool
    private let state: Mutex<State>

    init(
        id: UInt64,
        org: String?,
        isVerbose: Bool,
        maximumPending: Int,
        allows: @escaping @Sendable (String) -> Bool
    ) {
        self.id = id
        self.org = org
        self.isVerbose = isVerbose
        self.allows = allows
        state = Mutex(State(queue: RecordQueue(maximumBytes: maximumPending)))
    }

    func follows(_ org: String) -> Bool { self.org.map { $0 == org } ?? true }

    /// Does not wait: a follower that is too slow misses it.
    func offer(_ record: OperationRecord, isModifying: Bool) {
        guard isModifying || isVerbose, allows(record.key) else { return }
        let record = record.withBoundedSubject().record
        switch state.withLock({ $0.queue.add(record) }) {
        case .nothing: break
        case .startWriter, .wakeWriter: wake()
        }
    }

    /// The records since the last ones, and how many are missing. Nil: there will be none, or the task is cancelled.
    func next() async -> RecordBatch<OperationRecord>? {
        while !Task.isCancelled {
            switch state.withLock({ $0.queue.next() }) {
            case .write(let batch): return batch
            case .end: return nil
            case .wait: await wait()
            }
        }
        return nil
    }

    /// Nothing is added any more. Idempotent.
    func end() {
        _ = state.withLock { $0.queue.close() }
        wake()
    }

    private func wait() async {
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

    private func wake() {
        let waiter = state.withLock { state in
            defer { state.waiter = nil }
            if state.waiter == nil { state.isWoken = true }
            return state.waiter
        }
        waiter?.resume()
    }
}
