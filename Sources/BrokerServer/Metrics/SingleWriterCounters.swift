internal import Synchronization

/// Counters that one thread at a time adds to, and any thread reads: an addition is a plain load and store, with no
/// locked instruction and no line of memory that two cores fight for.
///
/// `@unchecked Sendable`: its memory is never given away, and is only touched by atomic operations.
struct SingleWriterCounters: ~Copyable, @unchecked Sendable {
    private let counters: UnsafeMutableBufferPointer<Atomic<UInt64>>

    init(count: Int) {
        counters = .allocate(capacity: count)
        for index in 0..<count { counters.initializeElement(at: index, to: Atomic(0)) }
    }

    deinit {
        counters.deinitialize().deallocate()
    }

    /// By the one writer alone.
    @inline(__always)
    func add(_ amount: UInt64, at index: Int) {
        let value = counters[index].load(ordering: .relaxed)
        counters[index].store(value &+ amount, ordering: .relaxed)
    }

    subscript(index: Int) -> UInt64 { counters[index].load(ordering: .relaxed) }
}
