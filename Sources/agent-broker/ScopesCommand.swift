import AgentBackend
import ArgumentParser
import BrokerClient

/// Lists the scopes of an entry.
struct ScopesCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "scopes",
        abstract: "List the directories that calls on the key are confined to by --scope, one per line.",
        discussion: """
            Those that the key's entry has at hand now: none where the key has no entry. With --json one object per \
            line: path.
            """
    )

    @OptionGroup var client: ClientOptions

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        var lines = LineOutput(output)
        for scope in try await connection.describe(try client.target()).scopes {
            if output.asJSON {
                var line = JSONLine()
                line.add("path", "\(scope)")
                try await lines.add(line)
            } else {
                try await lines.add("/workspace/", scope.bytes)
            }
        }
        try await lines.flush()
        return .success
    }
}
