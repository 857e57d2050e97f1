import AgentBackend
import ArgumentParser
import BrokerClient

/// Prints the pool of backends by org.
struct PoolsCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "pools",
        abstract: "Print the pool of backends by org: of the token's, or, with an operator's, of all.",
        discussion: """
            Entries that are in use, idle and being made; acquires that wait, and for how long the longest has; leases; \
            acquires that were answered at once and that were not; entries that were made, and that were destroyed for \
            room, idleness or age; calls that wait for their turn, and for how long the first has; bytes on the disk, \
            used and allowed. With --json one object per line: org, and what stats tells of calls, of the pool and of \
            limits.
            """
    )

    @OptionGroup var client: ClientOptions

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        if output.asJSON {
            var lines = LineOutput(output)
            for try await share in connection.pools() {
                var line = JSONLine()
                line.add("org", share.org)
                for (name, number) in CallNumbers(calls: share.calls).all + PoolNumbers(pool: share.pool).all {
                    line.add(name, number)
                }
                line.add("limits", LimitUses(limits: share.limits).json)
                try await lines.add(line)
            }
            try await lines.flush()
        } else {
            try await printTable(connection, output)
        }
        return .success
    }

    private func printTable(_ connection: BrokerConnection, _ output: CommandOutput) async throws {
        var table = TableOutput(
            output,
            [
                "ORG", "ACTIVE", "IDLE", "CREATING", "WAITING", "LONGEST WAIT", "LEASES", "HITS", "MISSES", "CREATED",
                "EVICTED", "QUEUED CALLS", "LONGEST QUEUED", "DISK",
            ]
        )
        for try await share in connection.pools() {
            let pool = share.pool
            try await table.add([
                share.org, "\(pool.active)", "\(pool.idle)", "\(pool.creating)", "\(pool.waiting)",
                ShortTime(duration: pool.longestWait).text, "\(pool.leases)", "\(pool.hits)", "\(pool.misses)",
                "\(pool.creations)", "\(pool.evictions)", "\(share.calls.waiting)",
                ShortTime(duration: share.calls.longestWait).text, LimitUses(limits: share.limits).disk,
            ])
        }
        try await table.flush()
    }
}
