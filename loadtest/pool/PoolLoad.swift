internal import AgentBackend
internal import ArgumentParser
internal import BackendPool
internal import CLinux

/// Acquire and release of a pool's keys, each a hit, from one thread, in an order without a pattern.
@main
struct PoolLoad: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pool-load",
        abstract: "Acquires and releases entries of a pool in process and prints the rate as JSON.",
        discussion: """
            For loadtest compare-pool. A call is an acquire with its release; every entry is checked. Seconds are those \
            of the processor, so that the figures tell what a call costs, whatever else the machine does.
            """
    )

    @Option(help: "Keys, all of them live.")
    var keys = 10

    @Option(help: "Keys that are called; they are among the others.")
    var called: Int?

    @Option(help: "Seconds of processor time to run before measuring.")
    var warmup = 0.5

    @Option(help: "Seconds of processor time to measure.")
    var duration = 2.0

    func validate() throws {
        guard (1...1_000_000).contains(keys) else { throw ValidationError("--keys: 1 to 1000000") }
        guard (1...keys).contains(called ?? keys) else { throw ValidationError("--called: 1 to as many as keys") }
        guard (0...3600).contains(warmup), (0.001...3600).contains(duration) else {
            throw ValidationError("--warmup, --duration: at most an hour")
        }
    }

    typealias Pool = BackendPoolManager<LoadEntry, LoadConfiguration, MonotonicClock>

    func run() async throws {
        var configuration = PoolConfiguration()
        configuration.maxEntries = keys
        configuration.maxEntriesPerOrg = keys
        let pool = try Pool(
            configuration: configuration,
            defaultConfiguration: LoadConfiguration(),
            clock: MonotonicClock()
        ) { _, _ in LoadEntry() }
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { _ = await pool.run() }
            defer { pool.triggerGracefulShutdown(deadline: .zero) }
            let order = try await fill(pool)
            try measure(pool, Array(order.prefix(called ?? keys)))
        }
    }

    /// Makes the entries of two orgs.
    private func fill(_ pool: Pool) async throws -> [(key: PoolKey, entry: LoadEntry)] {
        var order: [(key: PoolKey, entry: LoadEntry)] = []
        for number in 0..<keys {
            let key = PoolKey(org: OrgID(number % 2), type: .memory, name: "load-\(number)")
            let entry = try await pool.withEntry(key) { $0 }
            order.append((key, entry))
        }
        order.shuffle()
        return order
    }

    private func measure(_ pool: Pool, _ order: [(key: PoolKey, entry: LoadEntry)]) throws {
        // The clock is read once for many calls, so that it takes no part in the figures.
        let passes = max(1, 1000 / order.count)
        func run(for seconds: Double) throws -> (calls: Int, seconds: Double) {
            let begin = clinux_process_nanoseconds()
            var calls = 0
            while true {
                for _ in 0..<passes {
                    for (key, entry) in order { try Self.call(pool, key, entry) }
                }
                calls += passes * order.count
                let used = Double(clinux_process_nanoseconds() - begin) / 1e9
                if used >= seconds { return (calls, used) }
            }
        }
        _ = try run(for: warmup)
        let (calls, seconds) = try run(for: duration)
        print("{\"calls\":\(calls),\"seconds\":\(seconds),\"callsPerSecond\":\(Double(calls) / seconds)}")
    }

    private static func call(_ pool: Pool, _ key: PoolKey, _ entry: LoadEntry) throws {
        guard let lease = pool.tryAcquire(key), lease.entry === entry else {
            throw ValidationError("the pool did not hand out the entry of \(key.name ?? "")")
        }
        pool.release(lease.id)
    }
}

/// Does nothing, so that the pool alone is measured.
final class LoadEntry: PooledEntry {
    var isUsable: Bool { true }
    func destroy() async {}
}

struct LoadConfiguration: PooledConfiguration {
    func merging(_ overrides: LoadConfiguration) -> LoadConfiguration { self }
}
