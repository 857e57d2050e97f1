/// How long calls took, by buckets: four to each doubling, from 1 µs to more than an hour, so that a percentile is known
/// to a quarter. A value; two of them can be added, and one that was taken earlier subtracted.
package struct LatencyHistogram: Sendable, Equatable {
    /// By bucket.
    private var counts = [UInt64](repeating: 0, count: bucketCount)
    private(set) var sumInNanoseconds: UInt64 = 0

    package init() {}

    init(counts: [UInt64], sumInNanoseconds: UInt64) {
        self.counts = counts
        self.sumInNanoseconds = sumInNanoseconds
    }

    package var count: UInt64 { counts.reduce(0, +) }

    package var sum: Duration { .nanoseconds(Int64(clamping: sumInNanoseconds)) }

    /// The longest, at most; nil: there are none.
    package var maximum: Duration? {
        counts.lastIndex { $0 > 0 }.map(Self.upperBound(ofBucket:))
    }

    /// What so many of a hundred calls took at most; nil: there are none.
    package func percentile(_ percent: Double) -> Duration? {
        let rank = UInt64((Double(count) * percent / 100).rounded(.up))
        var met: UInt64 = 0
        for bucket in counts.indices {
            met += counts[bucket]
            if counts[bucket] > 0, met >= rank { return Self.upperBound(ofBucket: bucket) }
        }
        return nil
    }

    package mutating func record(_ nanoseconds: UInt64) {
        counts[Self.bucket(of: nanoseconds)] += 1
        sumInNanoseconds += nanoseconds
    }

    package static func += (left: inout LatencyHistogram, right: LatencyHistogram) {
        for bucket in left.counts.indices { left.counts[bucket] &+= right.counts[bucket] }
        left.sumInNanoseconds &+= right.sumInNanoseconds
    }

    /// Those that came since `earlier`, which was taken of the same calls.
    package static func - (left: LatencyHistogram, earlier: LatencyHistogram) -> LatencyHistogram {
        var difference = left
        for bucket in left.counts.indices {
            difference.counts[bucket] -= min(left.counts[bucket], earlier.counts[bucket])
        }
        difference.sumInNanoseconds -= min(left.sumInNanoseconds, earlier.sumInNanoseconds)
        return difference
    }

    /// How many took at most as long as each bound, for bounds that double, the last without those beyond it.
    package var cumulative: [(bound: Duration, count: UInt64)] {
        var met: UInt64 = 0
        return counts.indices.dropLast().compactMap { bucket in
            met += counts[bucket]
            return bucket % 4 == 3 ? (Self.upperBound(ofBucket: bucket), met) : nil
        }
    }

    // MARK: Buckets

    static let bucketCount = 124

    /// In units of 1024 ns up to four of them, then in quarters of each doubling. The last has all that is longer.
    @inline(__always)
    static func bucket(of nanoseconds: UInt64) -> Int {
        // What is as long as a bound is below it.
        let units = (max(nanoseconds, 1) - 1) >> 10
        guard units >= 4 else { return Int(units) }
        let doublings = 61 - units.leadingZeroBitCount
        return min(4 + doublings * 4 + Int((units >> UInt64(doublings)) & 3), bucketCount - 1)
    }

    /// Durations up to this one, and longer than that of the bucket before.
    static func upperBound(ofBucket bucket: Int) -> Duration {
        guard bucket >= 4 else { return .nanoseconds((bucket + 1) << 10) }
        return .nanoseconds((5 + bucket % 4) << ((bucket - 4) / 4 + 10))
    }
}
