internal import Histogram

/// How long calls took: a histogram of nanoseconds up to a minute. Recording neither allocates nor fails; longer times
/// count as a minute.
struct Latencies {
    private static let longest: UInt64 = 60_000_000_000
    private var histogram: Histogram<UInt64>

    enum Precision {
        /// Three digits, in a quarter of a megabyte.
        case fine
        /// Two digits, in a tenth of that: for where there are many.
        case rough
    }

    init(_ precision: Precision = .fine) {
        histogram = Histogram(
            highestTrackableValue: Self.longest,
            numberOfSignificantValueDigits: precision == .fine ? .three : .two
        )
    }

    mutating func record(nanoseconds: UInt64) {
        histogram.record(min(nanoseconds, Self.longest))
    }

    mutating func removeAll() {
        histogram.reset()
    }

    /// Adds all of the other's, which may be of another precision.
    mutating func add(_ other: Latencies) {
        for value in other.histogram.recordedValues() { histogram.record(value.value, count: value.count) }
    }

    func adding(_ other: Latencies) -> Latencies {
        var sum = self
        sum.add(other)
        return sum
    }

    var count: Int { Int(clamping: histogram.totalCount) }

    /// In nanoseconds; 0 where nothing was recorded.
    func percentile(_ percentile: Double) -> UInt64 {
        count > 0 ? histogram.valueAtPercentile(percentile) : 0
    }

    /// In microseconds. All are 0 where nothing was recorded.
    var summary: Summary {
        guard count > 0 else { return Summary(p50: 0, p99: 0, p999: 0, max: 0) }
        return Summary(
            p50: Double(histogram.valueAtPercentile(50)) / 1000,
            p99: Double(histogram.valueAtPercentile(99)) / 1000,
            p999: Double(histogram.valueAtPercentile(99.9)) / 1000,
            max: Double(histogram.max) / 1000
        )
    }

    struct Summary: Codable, Equatable {
        var p50: Double
        var p99: Double
        var p999: Double
        var max: Double
    }

    /// In steps of a factor: how many lie below each bound and above the one before, in nanoseconds.
    func buckets(factor: Double) -> [(bound: UInt64, count: Int)] {
        guard count > 0 else { return [] }
        var buckets: [(bound: UInt64, count: Int)] = []
        for value in histogram.recordedValues() {
            if buckets.isEmpty { buckets.append((UInt64(Double(max(value.value, 1)) * factor), 0)) }
            while value.value > buckets[buckets.count - 1].bound {
                buckets.append((UInt64((Double(buckets[buckets.count - 1].bound) * factor).rounded(.up)), 0))
            }
            buckets[buckets.count - 1].count += Int(clamping: value.count)
        }
        return buckets
    }

    /// The distribution in the text format of HdrHistogram (`.hgrm`), in milliseconds.
    func percentileText() -> String {
        var stream = Text()
        histogram.outputPercentileDistribution(to: &stream, outputValueUnitScalingRatio: 1_000_000)
        return stream.text
    }

    private struct Text: TextOutputStream {
        var text = ""
        mutating func write(_ string: String) { text += string }
    }
}

/// As pairs of value and count, of what was recorded alone.
extension Latencies: Codable {
    private enum CodingKeys: String, CodingKey { case isRough = "rough", nanoseconds, counts }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(try container.decode(Bool.self, forKey: .isRough) ? .rough : .fine)
        let values = try container.decode([UInt64].self, forKey: .nanoseconds)
        for (value, count) in zip(values, try container.decode([UInt64].self, forKey: .counts)) {
            histogram.record(min(value, Self.longest), count: count)
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(histogram.numberOfSignificantValueDigits == .two, forKey: .isRough)
        let recorded = Array(histogram.recordedValues())
        try container.encode(recorded.map(\.value), forKey: .nanoseconds)
        try container.encode(recorded.map(\.count), forKey: .counts)
    }
}
