internal import Glibc
// Where this toolchain says that `timespec` is defined.
internal import SwiftOverlayShims

/// The time that the pool runs by: that of the system since it started, without the time it was suspended.
///
/// The same time as `SuspendingClock`'s. Reading it takes half as long, and a hit reads the time twice.
public struct MonotonicClock: Clock {
    public struct Instant: InstantProtocol {
        private let sinceStart: Duration

        init(sinceStart: Duration) {
            self.sinceStart = sinceStart
        }

        public func advanced(by duration: Duration) -> Instant { Instant(sinceStart: sinceStart + duration) }

        public func duration(to other: Instant) -> Duration { other.sinceStart - sinceStart }

        public static func < (left: Instant, right: Instant) -> Bool { left.sinceStart < right.sinceStart }
    }

    public init() {}

    public var now: Instant {
        var time = timespec()
        // Cannot fail: the clock exists and the address is valid.
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Instant(sinceStart: .nanoseconds(Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)))
    }

    public var minimumResolution: Duration { .nanoseconds(1) }

    public func sleep(until deadline: Instant, tolerance: Duration? = nil) async throws {
        try await Task.sleep(for: now.duration(to: deadline), tolerance: tolerance, clock: .suspending)
    }
}
