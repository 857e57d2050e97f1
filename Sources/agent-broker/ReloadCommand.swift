import AgentBackend
import ArgumentParser
import BrokerClient

/// Has a broker read its configuration again.
struct ReloadCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Have the broker read its configuration file again, as SIGHUP does. Needs an operator's token.",
        discussion: """
            The file takes effect as a whole, before this command ends, or not at all: then what is wrong is said with \
            its line, and the exit status is 78. What runs goes on; the connections of a removed token end. With --json \
            one object: changes, connections_ended.
            """
    )

    @OptionGroup var client: ClientOptions

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        let reload = try await connection.reload()
        if output.asJSON {
            var line = JSONLine()
            line.add("changes", reload.changes)
            line.add("connections_ended", reload.connectionsEnded)
            try await output.print(line)
            return .success
        }
        if reload.changes.isEmpty { try await output.print("nothing has changed") }
        for change in reload.changes { try await output.print(change) }
        if reload.connectionsEnded > 0 { try await output.print("connections ended: \(reload.connectionsEnded)") }
        return .success
    }
}
