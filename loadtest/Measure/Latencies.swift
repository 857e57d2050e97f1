internal import Histogram

/// How long calls took: a histogram of nanoseconds, good to three digits up to a minute. Recording neither
/// allocates nor fails; longer times count as a minute.
struct Latencies {
    private static let longest: UInt64 = 60_000_000_000
    private var histogram = Histogram<UInt64>(highestTrackableValue: longest, numberOfSignificantValueDigits: .three)

    mutating func record(nanoseconds: UInt64) {
        histogram.record(min(nanoseconds, Self.longest))
    }

    mutating func removeAll() {
        histogram.reset()
    }

    var count: Int { Int(clamping: histogram.totalCount) }

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
}
