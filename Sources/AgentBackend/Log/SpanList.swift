/// Ranges that are added in the order of their ends, joined where they meet.
struct SpanList {
    private(set) var ranges: [Range<Int>] = []

    /// Amortised constant time. Does nothing for an empty range.
    mutating func add(_ range: Range<Int>) {
        guard !range.isEmpty else { return }
        var lower = range.lowerBound
        while let last = ranges.last, last.upperBound >= lower {
            lower = min(lower, last.lowerBound)
            ranges.removeLast()
        }
        ranges.append(lower..<range.upperBound)
    }
}
