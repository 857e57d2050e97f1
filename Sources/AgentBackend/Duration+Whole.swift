extension Duration {
    /// Whole milliseconds, rounded down; 0 for a negative one, the highest number for one beyond.
    package var inMilliseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (milliseconds, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1000)
        return overflow ? .max : milliseconds &+ UInt64(attoseconds / 1_000_000_000_000_000)
    }

    /// Whole microseconds, as ``inMilliseconds``.
    package var inMicroseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (microseconds, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000)
        return overflow ? .max : microseconds &+ UInt64(attoseconds / 1_000_000_000_000)
    }
}
