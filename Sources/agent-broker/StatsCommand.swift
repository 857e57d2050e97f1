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
            ("uptime_ms", UInt64(clamping: Int64(stats.uptime / .milliseconds(1)))),
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
        ]
    }
}
