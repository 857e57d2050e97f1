internal import AgentBackend
internal import BrokerClient

/// Waits for a broker that nobody calls any more to come to rest, and tells what it has then.
struct BrokerRest {
    let pid: Int32
    /// Of the broker.
    let root: String
    let address: BrokerAddress
    let operatorToken: String
    /// That stay although nobody uses them.
    let lastingEntries: Int

    /// For the broker to come to rest.
    private static let patience = Duration.seconds(60)

    struct Found {
        let footprint: BrokerFootprint
        /// What still went on when it was looked at; nil: nothing.
        let unrest: String?
    }

    /// Returns when nothing goes on and what the broker has is enough, or after a time.
    func wait(until isEnough: @escaping @Sendable (BrokerFootprint) -> Bool) async throws -> Found {
        try await BrokerConnection.withConnection(to: address, token: operatorToken) { connection in
            let end = Clocks.monotonic() + Self.patience.nanoseconds
            while true {
                let unrest = unrest(try await connection.stats())
                let footprint = try BrokerFootprint(pid: pid, root: root)
                let isDone = unrest == nil && footprint.processes == 0 && isEnough(footprint)
                if isDone || Clocks.monotonic() > end { return Found(footprint: footprint, unrest: unrest) }
                try await Task.sleep(for: .milliseconds(100))
            }
        }
    }

    private func unrest(_ stats: BrokerStatistics) -> String? {
        let pool = stats.pool
        // The connection that asks, and its call, are there.
        let others = [
            ("connections", Int(stats.connections) - 1), ("calls", Int(stats.callsInFlight) - 1),
            ("commands", Int(stats.execsRunning)), ("leases", Int(pool.leases)), ("busy entries", Int(pool.active)),
            ("entries that are made or destroyed", Int(pool.creating + pool.destroying)),
            ("acquires that wait", Int(pool.waiting + pool.queued)),
            ("idle entries too many", Int(pool.idle) - lastingEntries),
        ]
        let left = others.filter { $0.1 > 0 }.map { "\($0.0) \($0.1)" }
        return left.isEmpty ? nil : "the broker did not come to rest: \(left.joined(separator: ", "))"
    }
}
