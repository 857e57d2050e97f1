import AgentBackend
import ArgumentParser
import BrokerClient

/// Prints the counters of an org, or of all.
struct StatsCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats",
        abstract: "Print the counters of the org that the token belongs to, or, with an operator's, of all together.",
        discussion: """
            One name and value per line, of an org also what it has in use of what it may: NAME_used and NAME_allowed. \
            With --json one object with the same names, but limits, an object of objects: used, allowed.
            """
    )

    @OptionGroup var client: ClientOptions
    @Option(help: ArgumentHelp("With an operator's token: of this org alone.", valueName: "name"))
    var org: String?

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        let stats = try await connection.stats(of: org)
        guard !output.asJSON else {
            var line = JSONLine()
            for (name, text) in Self.texts(stats) { line.add(name, text) }
            for (name, number) in Self.numbers(stats) { line.add(name, number) }
            if !stats.limits.isEmpty { line.add("limits", LimitUses(limits: stats.limits).json) }
            try await output.print(line)
            return .success
        }
        let lines =
            Self.texts(stats).map { "\($0) \($1)" } + Self.numbers(stats).map { "\($0) \($1)" }
            + LimitUses(limits: stats.limits).lines
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
        ] + CallNumbers(calls: stats.calls).all + PoolNumbers(pool: stats.pool).all + [
            ("workspaces_deleted", stats.workspacesDeleted),
            ("workspaces_expired", stats.workspacesExpired),
            ("connections_refused", stats.connectionsRefused),
            ("connections_displaced", stats.connectionsDisplaced),
            ("auth_failures", stats.authFailures),
        ]
    }
}
