internal import AgentBackend
internal import BackendPool

/// Where a broker takes its time from for what goes by hours and days; tests have their own.
package struct BrokerTime: Sendable {
    /// Nanoseconds since 1970-01-01 UTC.
    package let wallClock: @Sendable () -> Int64
    /// Time since any one moment, by a clock that nobody sets.
    package let elapsed: @Sendable () -> Duration
    /// Waits by that clock. Throws `CancellationError`.
    package let sleep: @Sendable (Duration) async throws -> Void

    package init(
        clock: some Clock<Duration> = MonotonicClock(),
        wallClock: @escaping @Sendable () -> Int64 = systemWallClock
    ) {
        let start = clock.now
        self.wallClock = wallClock
        elapsed = { start.duration(to: clock.now) }
        sleep = { try await clock.sleep(for: $0) }
    }
}
