internal import Glibc

/// Looks at a broker while it is called: how much memory it takes, and whether it still answers.
struct BrokerWatch {
    let pid: Int32
    /// Of ``Interrupts``.
    let interrupts: Int32
    private(set) var trend: MemoryTrend

    private static let interval = Duration.milliseconds(250)
    /// Looks between two lines on standard error.
    private static let looksPerLine = 40

    init(pid: Int32, interrupts: Int32, trend: MemoryTrend) {
        self.pid = pid
        self.interrupts = interrupts
        self.trend = trend
    }

    /// Returns when its task is cancelled. Throws for a broker that is gone or answers nothing, and at a signal.
    mutating func run(_ progress: TortureProgress, of calls: Int) async throws {
        var last = (calls: progress.calls, time: Clocks.monotonic())
        var looks = 0
        while (try? await Task.sleep(for: Self.interval)) != nil {
            let memory = try ProcessMemory(pid: pid)
            let done = progress.calls
            trend.add(bytes: memory.resident, at: done)
            var watched = pollfd(fd: interrupts, events: Int16(POLLIN), revents: 0)
            if poll(&watched, 1, 0) > 0 { throw LoadFailure.interrupted }
            if done > last.calls { last = (done, Clocks.monotonic()) }
            guard Clocks.monotonic() < last.time + TortureSettings.patience.nanoseconds else {
                throw LoadFailure.failedCalls("no call was answered for \(TortureSettings.patience)")
            }
            looks += 1
            if looks.isMultiple(of: Self.looksPerLine) {
                var standardError = StandardError()
                print("\(done) of \(calls) calls, resident \(memory.resident >> 20) MiB", to: &standardError)
            }
        }
    }
}
