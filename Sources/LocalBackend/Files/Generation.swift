internal import Glibc
internal import Synchronization

/// Modification times for what the broker itself writes: the generation that makes each version of a file one of its
/// own, in its ``Etag``, where inodes are reused at once and the kernel stamps all changes within some milliseconds
/// alike.
///
/// Each is later than the one before, throughout the process, and later than what the kernel stamps files with at that
/// moment: what a command writes next, however soon, gets another.
enum Generation {
    private static let last = Atomic<Int64>(0)

    static func next() -> timespec {
        // The clock of the kernel's own stamps. A finer one would be some milliseconds ahead of what a command makes
        // from this file at once, which make(1) would then take for older.
        var clock = timespec()
        clock_gettime(CLOCK_REALTIME_COARSE, &clock)
        let now = Int64(clock.tv_sec) * nanosecondsPerSecond + Int64(clock.tv_nsec)
        var previous = last.load(ordering: .relaxed)
        while true {
            // A clock that was set back is followed.
            let isAhead = previous > now && previous - now < nanosecondsPerSecond
            let next = (isAhead ? previous : now) + 1
            let (exchanged, original) = last.compareExchange(expected: previous, desired: next, ordering: .relaxed)
            guard !exchanged else { return timespec(nanoseconds: next) }
            previous = original
        }
    }

    static let nanosecondsPerSecond: Int64 = 1_000_000_000
}

extension timespec {
    /// Since 1970-01-01 UTC.
    init(nanoseconds: Int64) {
        let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: Generation.nanosecondsPerSecond)
        // Before that day the seconds are rounded down, too.
        let isBelow = rest < 0
        self.init(
            tv_sec: Int(isBelow ? seconds - 1 : seconds),
            tv_nsec: Int(isBelow ? rest + Generation.nanosecondsPerSecond : rest)
        )
    }

    /// Since 1970-01-01 UTC.
    var nanoseconds: Int64 { Int64(tv_sec) &* Generation.nanosecondsPerSecond &+ Int64(tv_nsec) }
}
