internal import CLinux

/// Nanoseconds of the clocks that a measurement reads.
enum Clocks {
    /// Since an arbitrary point; never goes back.
    static func monotonic() -> UInt64 { clinux_monotonic_nanoseconds() }

    /// Processor time of all threads of this process.
    static func ownProcessor() -> UInt64 { clinux_process_nanoseconds() }
}

extension Duration {
    /// Whole nanoseconds; 0 for what is negative.
    var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        return UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
    }
}
