internal import DequeModule
internal import Synchronization

/// Keeps the last records in memory, to be asked for: in tests, and for agents that look at what they did.
///
/// Safe to use from any thread.
public final class ArrayOperationsLogger: OperationsLogger {
    private struct State {
        var records: Deque<OperationRecord> = []
        var dropped: UInt64 = 0
    }

    private let capacity: Int
    private let state = Mutex(State())

    /// `capacity`: records that are kept; the oldest goes first.
    public init(capacity: Int = 1000) {
        self.capacity = max(1, capacity)
    }

    public func record(_ record: OperationRecord) {
        let record = record.withBoundedSubject().record
        state.withLock { state in
            if state.records.count == capacity {
                state.records.removeFirst()
                state.dropped += 1
            }
            state.records.append(record)
        }
    }

    /// Those that match, in the order in which they were recorded.
    public func records(matching query: OperationsQuery = OperationsQuery()) -> [OperationRecord] {
        state.withLock { $0.records }.filter(query.matches)
    }

    /// Records that made room for later ones.
    public var dropped: UInt64 { state.withLock { $0.dropped } }

    public func removeAll() {
        state.withLock { $0.records.removeAll() }
    }
}

/// Which records are asked for. Nil: any.
public struct OperationsQuery: Sendable, Hashable {
    public enum Outcome: Sendable, Hashable {
        case succeeded
        /// Refused or failed; also a command that exited with another code than 0.
        case failed
    }

    /// "read", "exec", …
    public var operation: String?
    public var outcome: Outcome?
    /// Nanoseconds since 1970-01-01 UTC.
    public var time: Range<Int64>?
    public var org: String?
    public var key: String?

    public init(
        operation: String? = nil,
        outcome: Outcome? = nil,
        time: Range<Int64>? = nil,
        org: String? = nil,
        key: String? = nil
    ) {
        self.operation = operation
        self.outcome = outcome
        self.time = time
        self.org = org
        self.key = key
    }

    public func matches(_ record: OperationRecord) -> Bool {
        operation.map { $0 == record.operation } ?? true
            && outcome.map { ($0 == .succeeded) == record.isSuccess } ?? true
            && time.map { $0.contains(record.time) } ?? true
            && org.map { $0 == record.org } ?? true
            && key.map { $0 == record.key } ?? true
    }
}

extension OperationRecord {
    fileprivate var isSuccess: Bool { failure == nil && exitCode ?? 0 == 0 }
}
