/// The middle and the ends of a few values.
struct Spread: Codable, Equatable {
    var median: Double
    var min: Double
    var max: Double

    /// All 0 for no values. The median of an even number of values is the mean of the middle two.
    init(_ values: [Double]) {
        let sorted = values.sorted()
        let upper = sorted.count / 2
        guard let first = sorted.first, let last = sorted.last else {
            (median, min, max) = (0, 0, 0)
            return
        }
        median = sorted.count.isMultiple(of: 2) ? (sorted[upper - 1] + sorted[upper]) / 2 : sorted[upper]
        min = first
        max = last
    }
}
