/// Resident memory of a broker over the calls of a run.
struct MemoryTrend {
    private var samples: [(calls: Int, bytes: Int)] = []

    mutating func add(bytes: Int, at calls: Int) {
        samples.append((calls, bytes))
    }

    /// Its level at the beginning, and in the last third: medians, in bytes. Nil without a sample in either.
    func levels(of calls: Range<Int>) -> (first: Double, last: Double)? {
        let first = samples.filter { calls.lowerBound <= $0.calls && $0.calls < calls.lowerBound + calls.count / 10 }
        let last = samples.filter { $0.calls >= calls.upperBound - calls.count / 3 }
        guard !first.isEmpty, !last.isEmpty else { return nil }
        return (Spread(first.map { Double($0.bytes) }).median, Spread(last.map { Double($0.bytes) }).median)
    }
}
