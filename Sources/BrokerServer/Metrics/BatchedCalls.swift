/// Calls of a read batch that were answered on the spot: their answers leave together, so one look at the clock tells
/// what all of them took.
struct BatchedCalls {
    private var counts = InlineArray<7, UInt32>(repeating: 0)
    private(set) var isEmpty = true

    @inline(__always)
    mutating func append(_ operations: CountedOperation.Class) {
        counts[operations.rawValue] &+= 1
        isEmpty = false
    }

    /// They have all taken so long.
    mutating func drain(into counters: CallCounters, nanoseconds: UInt64) {
        for index in counts.indices where counts[index] > 0 {
            guard let operations = CountedOperation.Class(rawValue: index) else { continue }
            counters.took(nanoseconds, operations, calls: UInt64(counts[index]))
        }
        self = BatchedCalls()
    }
}
