internal import AgentBackend
internal import Synchronization

/// The records that wait for one who follows: bounded, and what does not fit is counted.
///
/// Safe to use from any thread; one task at a time waits for the next records.
final class LogFollower: Sendable {
    let id: UInt64
    /// Nil: all of them.
    let org: String?
    /// Also what changes nothing and has not failed.
    let isVerbose: Bool
    private let allows: @Sendable (String) -> Bool
    private let queue: Mutex<RecordQueue<OperationRecord>>
    private let wakeup = Wakeup()

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
        queue = Mutex(RecordQueue(maximumBytes: maximumPending))
    }

    func follows(_ org: String) -> Bool { self.org.map { $0 == org } ?? true }

    /// Does not wait: a follower that is too slow misses it.
    func offer(_ record: OperationRecord, isModifying: Bool) {
        guard isModifying || isVerbose || record.failure != nil, allows(record.key) else { return }
        let record = record.withBoundedSubject().record
        switch queue.withLock({ $0.add(record) }) {
        case .nothing: break
        case .startWriter, .wakeWriter: wakeup.wake()
        }
    }

    /// The records since the last ones, and how many are missing. Nil: there will be none, or the task is cancelled.
    func next() async -> RecordBatch<OperationRecord>? {
        while !Task.isCancelled {
            switch queue.withLock({ $0.next() }) {
            case .write(let batch): return batch
            case .end: return nil
            case .wait: await wakeup.wait()
            }
        }
        return nil
    }

    /// Nothing is added any more. Idempotent.
    func end() {
        _ = queue.withLock { $0.close() }
        wakeup.wake()
    }
}
