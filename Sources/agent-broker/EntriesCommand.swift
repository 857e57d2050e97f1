import AgentBackend
import ArgumentParser
import BrokerClient

/// Prints the pooled entries of a broker.
struct EntriesCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "entries",
        abstract: "Print the pooled entries of the token's org, or, with an operator's, of all.",
        discussion: """
            BYTES is what an entry's files take as far as the broker knows without looking. With --json one object per \
            line: org, key, backend, state, leases, waiters, age_ms, idle_ms, commands_running, bytes.
            """
    )

    @OptionGroup var client: ClientOptions
    @Option(help: ArgumentHelp("With an operator's token: of this org alone.", valueName: "name"))
    var org: String?

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        if output.asJSON {
            var lines = LineOutput(output)
            for try await entry in connection.entries(of: org) { try await lines.add(Self.json(entry)) }
            try await lines.flush()
        } else {
            let titles = ["ORG", "KEY", "BACKEND", "STATE", "LEASES", "WAITERS", "AGE", "IDLE", "COMMANDS", "BYTES"]
            var table = TableOutput(output, titles)
            for try await entry in connection.entries(of: org) { try await table.add(Self.row(entry)) }
            try await table.flush()
        }
        return .success
    }

    private static func row(_ entry: BrokerEntryInfo) -> [String] {
        [
            entry.org, entry.key, entry.backend.rawValue, entry.state.rawValue, "\(entry.leases)",
            "\(entry.waiters)", ShortTime(duration: entry.age).text, ShortTime(duration: entry.idle).text,
            "\(entry.commandsRunning)", "\(entry.bytes)",
        ]
    }

    static func json(_ entry: BrokerEntryInfo) -> JSONLine {
        var line = JSONLine()
        line.add("org", entry.org)
        line.add("key", entry.key)
        line.add("backend", entry.backend.rawValue)
        line.add("state", entry.state.rawValue)
        line.add("leases", entry.leases)
        line.add("waiters", entry.waiters)
        line.add("age_ms", entry.age.inMilliseconds)
        line.add("idle_ms", entry.idle.inMilliseconds)
        line.add("commands_running", entry.commandsRunning)
        line.add("bytes", entry.bytes)
        return line
    }
}
