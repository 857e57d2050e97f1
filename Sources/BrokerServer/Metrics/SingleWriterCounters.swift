internal import Synchronization

/// Counters that one thread at a time adds to, and any thread reads: an addition is a plain load and store, with no
/// locked instruction and no line of memory that two cores fight for.
///
/// A reference to memory that whoever made it deallocates, once nobody uses it. `@unchecked Sendable`: it is only touched
/// by atomic operations.
struct SingleWriterCounters: @unchecked Sendable {
    private let counters: UnsafeMutablePointer<Atomic<UInt64>>

    static func allocate(count: Int) -> SingleWriterCounters {
        let counters = UnsafeMutablePointer<Atomic<UInt64>>.allocate(capacity: count)
        for index in 0..<count { (counters + index).initialize(to: Atomic(0)) }
        return SingleWriterCounters(counters: counters)
    }

    private init(counters: UnsafeMutablePointer<Atomic<UInt64>>) {
        self.counters = counters
    }

    /// `count`: as it was allocated.
    func deallocate(count: Int) {
        counters.deinitialize(count: count)
        counters.deallocate()
    }

    /// Those from an index on, numbered from 0.
    func suffix(from index: Int) -> SingleWriterCounters { SingleWriterCounters(counters: counters + index) }

    /// By the one writer alone. `index`: below the count.
    @inline(__always)
    func add(_ amount: UInt64, at index: Int) {
        let value = counters[index].load(ordering: .relaxed)
        counters[index].store(value &+ amount, ordering: .relaxed)
    }

    subscript(index: Int) -> UInt64 { counters[index].load(ordering: .relaxed) }
}
