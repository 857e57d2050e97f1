import AgentBackend
import ArgumentParser
import BrokerClient

/// Prints the counters of an org.
struct StatsCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats",
        abstract: "Print the counters of the org that the token belongs to.",
        discussion: "One name and value per line; with --json one object with the same names."
    )

    @OptionGroup var client: ClientOptions

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        let stats = try await connection.stats()
        guard !output.asJSON else {
            var line = JSONLine()
            for (name, text) in Self.texts(stats) { line.add(name, text) }
            for (name, number) in Self.numbers(stats) { line.add(name, number) }
            try await output.print(line)
            return .success
        }
        let lines =
            Self.texts(stats).map { "\($0) \($1)" } + Self.numbers(stats).map { "\($0) \($1)" }
        try await output.print(lines.joined(separator: "\n"))
        return .success
    }

    private static func texts(_ stats: BrokerStatistics) -> [(StaticString, String)] {
        [("server_version", stats.serverVersion), ("node", stats.node), ("org", stats.org)]
    }

    private static func numbers(_ stats: BrokerStatistics) -> [(StaticString, UInt64)] {
        [
            ("uptime_ms", stats.uptime.inMilliseconds),
            ("connections", UInt64(stats.connections)),
            ("calls_ok", stats.callsOK),
            ("calls_failed", stats.callsFailed),
            ("calls_in_flight", UInt64(stats.callsInFlight)),
            ("execs_running", UInt64(stats.execsRunning)),
            ("pool_active", UInt64(stats.pool.active)),
            ("pool_idle", UInt64(stats.pool.idle)),
            ("pool_creating", UInt64(stats.pool.creating)),
            ("pool_waiting", UInt64(stats.pool.waiting)),
            ("pool_hits", stats.pool.hits),
            ("pool_misses", stats.pool.misses),
            ("pool_creations", stats.pool.creations),
            ("pool_creation_failures", stats.pool.creationFailures),
            ("pool_evictions", stats.pool.evictions),
            ("pool_stale_releases", stats.pool.staleReleases),
            ("pool_expirations", stats.pool.expirations),
            ("pool_replacements", stats.pool.replacements),
            ("pool_timeouts", stats.pool.timeouts),
            ("pool_refusals", stats.pool.refusals),
            ("pool_leases", UInt64(stats.pool.leases)),
            ("pool_destroying", UInt64(stats.pool.destroying)),
            ("pool_queued", UInt64(stats.pool.queued)),
            ("pool_longest_wait_us", stats.pool.longestWait.inMicroseconds),
            ("pool_waits", stats.pool.waits.count),
            ("pool_waits_us", stats.pool.waits.sum.inMicroseconds),
            ("pool_wait_p50_us", stats.pool.waits.p50.inMicroseconds),
            ("pool_wait_p99_us", stats.pool.waits.p99.inMicroseconds),
            ("pool_holds", stats.pool.holds.count),
            ("pool_holds_us", stats.pool.holds.sum.inMicroseconds),
            ("pool_hold_p50_us", stats.pool.holds.p50.inMicroseconds),
            ("pool_hold_p99_us", stats.pool.holds.p99.inMicroseconds),
            ("workspaces_deleted", stats.workspacesDeleted),
            ("workspaces_expired", stats.workspacesExpired),
        ]
    }
}
