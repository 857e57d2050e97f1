internal import AgentBackend
internal import NIOCore

/// Counts what one connection does, from when it is known whose it is. Used on the connection's event loop.
///
/// Calls that are answered on the spot leave together with the others of their read batch, so one look at the clock tells
/// what all of them took. They are counted many at a time: what is touched for each is plain memory, without checks of
/// exclusive access (`@exclusivity(unchecked)`: nothing here calls anybody) and without counting of references.
final class CallMeter {
    /// Nil: it is not known whose.
    @exclusivity(unchecked) private var counters: CallCounters?
    @exclusivity(unchecked) private var answered: SingleWriterCounters?
    /// By class: answered on the spot since what was last written.
    private let batch: UnsafeMutablePointer<UInt64>
    @exclusivity(unchecked) private var isBatchEmpty = true
    /// When the read began that the present batch came in.
    @exclusivity(unchecked) private(set) var batchStart = NIODeadline.distantPast

    private static let classes = CountedOperation.Class.allCases.count

    init() {
        batch = .allocate(capacity: Self.classes)
        batch.initialize(repeating: 0, count: Self.classes)
    }

    deinit {
        batch.deallocate()
    }

    func begin(_ counters: CallCounters) {
        self.counters = counters
        answered = counters.answered
    }

    /// What arrives from here on arrives now.
    func beginBatch() {
        batchStart = .now()
    }

    /// `since`: when it was read; nil: in the present batch.
    @inline(__always)
    func callAnswered(_ operation: CountedOperation, since arrival: NIODeadline?) {
        answered?.add(1, at: operation.rawValue)
        ended(operation, since: arrival)
    }

    func callFailed(_ operation: CountedOperation, _ code: BackendError.Code, since arrival: NIODeadline?) {
        counters?.callFailed(operation, code)
        ended(operation, since: arrival)
    }

    @inline(__always)
    private func ended(_ operation: CountedOperation, since arrival: NIODeadline?) {
        guard let arrival else {
            batch[operation.operationClass.rawValue] &+= 1
            isBatchEmpty = false
            return
        }
        counters?.took(Self.nanoseconds(since: arrival), operation.operationClass)
    }

    /// What was answered on the spot is about to be written.
    func endBatch() {
        guard !isBatchEmpty else { return }
        isBatchEmpty = true
        let nanoseconds = Self.nanoseconds(since: batchStart)
        for index in 0..<Self.classes where batch[index] > 0 {
            if let operations = CountedOperation.Class(rawValue: index) {
                counters?.took(nanoseconds, operations, calls: batch[index])
            }
            batch[index] = 0
        }
    }

    func received(bytes: Int) {
        counters?.received(bytes: bytes)
    }

    func sent(bytes: Int) {
        counters?.sent(bytes: bytes)
    }

    private static func nanoseconds(since time: NIODeadline) -> UInt64 {
        UInt64(max(0, (NIODeadline.now() - time).nanoseconds))
    }
}
