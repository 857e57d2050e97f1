/// How sure a ratio of two sets of measurements is: draws sets anew from each, with replacement, many times, and tells
/// between which ratios of medians most of these lie. A value; the same seed gives the same.
struct Bootstrap {
    var draws = 4000
    /// Of all draws, so many in a hundred lie inside.
    var confidence = 95.0
    var seed: UInt64 = 1

    struct Interval: Codable, Equatable {
        /// Of the medians of the sets as they are.
        var ratio: Double
        var low: Double
        var high: Double

        /// Whether even the nearer end tells of a difference.
        var isDifference: Bool { low > 1 || high < 1 }
    }

    /// Of the second set by the first. Nil where one is empty or the first is not positive.
    func ratio(_ first: [Double], _ second: [Double]) -> Interval? {
        let base = Spread(first).median
        guard !first.isEmpty, !second.isEmpty, base > 0 else { return nil }
        var generator = SeededGenerator(seed: seed)
        let ratios = (0..<draws).compactMap { _ -> Double? in
            let divisor = Self.drawn(first, using: &generator)
            let dividend = Self.drawn(second, using: &generator)
            return divisor > 0 ? dividend / divisor : nil
        }.sorted()
        guard !ratios.isEmpty else { return nil }
        let outside = (100 - confidence) / 200
        func at(_ part: Double) -> Double { ratios[min(Int(part * Double(ratios.count)), ratios.count - 1)] }
        return Interval(ratio: Spread(second).median / base, low: at(outside), high: at(1 - outside))
    }

    /// The median of as many that are drawn.
    private static func drawn(_ values: [Double], using generator: inout SeededGenerator) -> Double {
        Spread(values.map { _ in values[Int.random(in: values.indices, using: &generator)] }).median
    }
}
