extension Duration {
    /// Whole milliseconds, rounded down; 0 for a negative one, the highest number for one beyond.
    package var inMilliseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        return Self.whole(UInt64(seconds), per: 1000, and: UInt64(attoseconds / 1_000_000_000_000_000))
    }

    /// Whole microseconds, as ``inMilliseconds``.
    package var inMicroseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        return Self.whole(UInt64(seconds), per: 1_000_000, and: UInt64(attoseconds / 1_000_000_000_000))
    }

    /// Whole nanoseconds; the nearest number for more than 292 years.
    package var inNanoseconds: Int64 { Int64(clamping: attoseconds / 1_000_000_000) }

    private static func whole(_ seconds: UInt64, per second: UInt64, and rest: UInt64) -> UInt64 {
        let (product, isTooLarge) = seconds.multipliedReportingOverflow(by: second)
        let (sum, isBeyond) = product.addingReportingOverflow(rest)
        return isTooLarge || isBeyond ? .max : sum
    }
}
