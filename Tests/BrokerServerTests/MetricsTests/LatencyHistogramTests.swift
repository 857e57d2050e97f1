import Testing

@testable import BrokerServer

@Suite struct LatencyHistogramTests {
    @Test func eachBucketEndsWhereTheNextBegins() {
        for bucket in 0..<LatencyHistogram.bucketCount - 1 {
            let bound = Self.nanoseconds(LatencyHistogram.upperBound(ofBucket: bucket))
            #expect(LatencyHistogram.bucket(of: bound) == bucket)
            #expect(LatencyHistogram.bucket(of: bound + 1) == bucket + 1)
        }
        #expect(LatencyHistogram.bucket(of: 0) == 0)
        #expect(LatencyHistogram.bucket(of: .max) == LatencyHistogram.bucketCount - 1)
    }

    @Test func aBucketIsAtMostAQuarterWide() {
        for bucket in 4..<LatencyHistogram.bucketCount {
            let below = Double(Self.nanoseconds(LatencyHistogram.upperBound(ofBucket: bucket - 1)))
            let bound = Double(Self.nanoseconds(LatencyHistogram.upperBound(ofBucket: bucket)))
            #expect(bound / below <= 1.25)
        }
    }

    @Test func percentilesAreThoseOfTheirBuckets() {
        var histogram = LatencyHistogram()
        #expect(histogram.percentile(50) == nil)
        #expect(histogram.maximum == nil)
        for microseconds in 1...1000 { histogram.record(UInt64(microseconds) * 1000) }
        #expect(histogram.count == 1000)
        #expect(histogram.sum == .microseconds(500_500))
        for (percent, microseconds) in [(50.0, 500), (90, 900), (99, 990), (100, 1000)] {
            let exact = UInt64(microseconds * 1000)
            let bound = LatencyHistogram.upperBound(ofBucket: LatencyHistogram.bucket(of: exact))
            #expect(histogram.percentile(percent) == bound)
        }
        #expect(histogram.maximum == histogram.percentile(100))
    }

    @Test func whatIsCumulativeEndsWithAll() {
        var histogram = LatencyHistogram()
        for nanoseconds in [1, 4096, 4097, 1_000_000, 1_000_000_000] as [UInt64] { histogram.record(nanoseconds) }
        let cumulative = histogram.cumulative
        #expect(cumulative.first?.bound == .nanoseconds(4096))
        #expect(cumulative.first?.count == 2)
        #expect(cumulative.last?.count == 5)
        for (earlier, later) in zip(cumulative, cumulative.dropFirst()) {
            #expect(later.bound == earlier.bound * 2)
            #expect(later.count >= earlier.count)
        }
    }

    @Test func theDifferenceIsWhatCameSince() {
        var histogram = LatencyHistogram()
        histogram.record(5000)
        let earlier = histogram
        histogram.record(7000)
        histogram.record(5000)
        let difference = histogram - earlier
        #expect(difference.count == 2)
        #expect(difference.sum == .nanoseconds(12_000))
        var sum = earlier
        sum += difference
        #expect(sum == histogram)
    }

    private static func nanoseconds(_ duration: Duration) -> UInt64 { UInt64(duration / .nanoseconds(1)) }
}
