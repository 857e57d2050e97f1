package import AgentBackend
internal import Synchronization

/// What callers of one org did on one event loop, since the start. Counted on that event loop; read from any thread,
/// one number a moment later than another.
package final class CallCounters: Sendable {
    /// Bytes received and sent; then by class the nanoseconds that all calls took; then by operation those that were
    /// answered without an error; then by class the calls of each bucket of their latency. What one call changes is so in
    /// few lines of memory.
    private let counters = SingleWriterCounters.allocate(count: count)
    /// Calls that were answered with one. An error costs much more than this lock.
    private let failures = Mutex<[CallFailure: UInt64]>([:])

    private static let classes = CountedOperation.Class.allCases.count
    private static let sums = 2
    private static let operations = sums + classes
    private static let latencies = operations + CountedOperation.allCases.count
    private static let count = latencies + classes * LatencyHistogram.bucketCount

    deinit {
        counters.deallocate(count: Self.count)
    }

    /// Where answered calls are counted, each by the number of its operation. As long as this is kept.
    var answered: SingleWriterCounters { counters.suffix(from: Self.operations) }

    /// On the event loop, like all that counts.
    func callFailed(_ operation: CountedOperation, _ code: BackendError.Code) {
        failures.withLock { $0[CallFailure(operation: operation, code: code), default: 0] += 1 }
    }

    /// So many calls of a class took so long, each.
    func took(_ nanoseconds: UInt64, _ operations: CountedOperation.Class, calls: UInt64 = 1) {
        counters.add(calls, at: Self.buckets(of: operations).lowerBound + LatencyHistogram.bucket(of: nanoseconds))
        counters.add(calls &* nanoseconds, at: Self.sums + operations.rawValue)
    }

    func received(bytes: Int) {
        counters.add(UInt64(bytes), at: 0)
    }

    func sent(bytes: Int) {
        counters.add(UInt64(bytes), at: 1)
    }

    /// Adds what was counted so far.
    func add(to tally: inout CallTally) {
        let answered = answered
        for operation in CountedOperation.allCases {
            tally.answered[operation.rawValue] &+= answered[operation.rawValue]
        }
        tally.failed.merge(failures.withLock { $0 }, uniquingKeysWith: &+)
        tally.receivedBytes &+= counters[0]
        tally.sentBytes &+= counters[1]
        for operations in CountedOperation.Class.allCases {
            tally.latencies[operations.rawValue] += LatencyHistogram(
                counts: Self.buckets(of: operations).map { counters[$0] },
                sumInNanoseconds: counters[Self.sums + operations.rawValue]
            )
        }
    }

    private static func buckets(of operations: CountedOperation.Class) -> Range<Int> {
        let start = latencies + operations.rawValue * LatencyHistogram.bucketCount
        return start..<start + LatencyHistogram.bucketCount
    }
}

/// Calls of one operation that ended in one way.
package struct CallFailure: Sendable, Hashable {
    package let operation: CountedOperation
    package let code: BackendError.Code
}

/// What callers did since the start, at one moment.
package struct CallTally: Sendable {
    fileprivate(set) var answered = [UInt64](repeating: 0, count: CountedOperation.allCases.count)
    /// Calls that were answered with an error, or with nothing, for their connection was lost.
    package fileprivate(set) var failed: [CallFailure: UInt64] = [:]
    /// Of frames, as they are on the wire before TLS.
    package fileprivate(set) var receivedBytes: UInt64 = 0
    package fileprivate(set) var sentBytes: UInt64 = 0
    fileprivate(set) var latencies = [LatencyHistogram](
        repeating: LatencyHistogram(),
        count: CountedOperation.Class.allCases.count
    )

    package init() {}

    /// Calls of an operation that were answered without an error.
    package func answered(_ operation: CountedOperation) -> UInt64 { answered[operation.rawValue] }

    package var answeredCount: UInt64 { answered.reduce(0, +) }
    package var failedCount: UInt64 { failed.values.reduce(0, +) }

    /// Of calls of one class, however they ended: from the read that they came in to the write of their answer's end.
    package func latency(of operations: CountedOperation.Class) -> LatencyHistogram { latencies[operations.rawValue] }

    /// Of all calls but those that take as long as their callers want.
    package var latency: LatencyHistogram {
        CountedOperation.Class.allCases.filter { $0 != .follow && $0 != .exec }
            .reduce(into: LatencyHistogram()) { $0 += latency(of: $1) }
    }

    package mutating func add(_ other: CallTally) {
        for index in answered.indices { answered[index] += other.answered[index] }
        failed.merge(other.failed, uniquingKeysWith: &+)
        receivedBytes += other.receivedBytes
        sentBytes += other.sentBytes
        for index in latencies.indices { latencies[index] += other.latencies[index] }
    }
}
