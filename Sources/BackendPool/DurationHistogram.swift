/// Counts durations in buckets that double, from about 2 µs to about 40 minutes.
///
/// Buckets are powers of two of an attosecond, so that recording needs no division. Fixed in size; a copy
/// allocates nothing.
public struct DurationHistogram: Sendable {
    public static let bucketCount = 32

    /// Durations recorded.
    public private(set) var count: UInt64 = 0
    /// Their sum.
    public private(set) var sum: Duration = .zero
    private var counts = InlineArray<32, UInt64>(repeating: 0)

    public init() {}

    /// Durations of at least the bound of the bucket before and less than that of this one.
    public subscript(bucket: Int) -> UInt64 { counts[bucket] }

    /// The bound of a bucket. The last one also counts all that is longer.
    public static func upperBound(ofBucket bucket: Int) -> Duration {
        Duration(attoseconds: Int128(1) << (firstBoundBits + bucket))
    }

    /// A negative duration, which two threads that read the clock can bring about, counts as zero.
    mutating func record(_ duration: Duration) {
        let attoseconds = max(duration.attoseconds, 0)
        let bits = Int128.bitWidth - attoseconds.leadingZeroBitCount
        let bucket = min(max(bits - Self.firstBoundBits, 0), Self.bucketCount - 1)
        counts[bucket] &+= 1
        count &+= 1
        sum += Duration(attoseconds: attoseconds)
    }

    /// Those of another one as well.
    package mutating func add(_ other: DurationHistogram) {
        for bucket in 0..<Self.bucketCount { counts[bucket] &+= other.counts[bucket] }
        count &+= other.count
        sum += other.sum
    }

    /// 2^41 as = 2.2 µs.
    private static let firstBoundBits = 41
}
