import AgentBackend
import ArgumentParser
import BrokerClient

/// Waits for a command in the background.
struct WaitCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "wait",
        abstract: "Wait until a command in the background has ended, and exit as it did.",
        discussion: """
            With --json one object: outcome (exited, signaled, timed_out, out_of_memory, output_limit, cancelled, \
            shutting_down or spawn_failed), exit_code and signal where there is one, wall_us.
            """
    )

    @OptionGroup var client: ClientOptions
    @Argument(help: "As exec --detach and ps print it.")
    var id: UInt64

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        let end = try await connection.backgroundCommand(id, on: try client.target()).wait()
        if output.asJSON {
            var line = JSONLine()
            CommandEnd.add(end, to: &line)
            try await output.print(line)
        }
        return try CommandEnd.status(end, isQuiet: client.json)
    }
}
