import AgentBackend
import ArgumentParser
import BrokerClient

/// Lists the commands in the background of a key.
struct ProcessesCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "ps",
        abstract: "List the key's commands in the background: those that run, and the last of those that ended.",
        discussion: """
            STDOUT and STDERR are bytes that they have written. With --json one object per line: id, command, scope, \
            isolation, started_ns, running, stdout_bytes, stderr_bytes, stdout_kept_from, stderr_kept_from, and of one \
            that ended what exec --json says of its end.
            """
    )

    @OptionGroup var client: ClientOptions

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        let commands = try await connection.backgroundCommands(on: try client.target())
        if output.asJSON {
            var lines = LineOutput(output)
            for command in commands { try await lines.add(Self.json(command)) }
            try await lines.flush()
        } else {
            var table = TableOutput(output, ["ID", "STARTED", "STATE", "STDOUT", "STDERR", "COMMAND"])
            for command in commands {
                try await table.add([
                    "\(command.id)", FileDetails.time(command.startedNanoseconds), CommandEnd.text(command.end),
                    "\(command.written.standardOutput)", "\(command.written.standardError)",
                    WorkspacePath.printable(command.command),
                ])
            }
            try await table.flush()
        }
        return .success
    }

    private static func json(_ command: BackgroundCommandInfo) -> JSONLine {
        var line = JSONLine()
        line.add("id", command.id)
        line.add("command", orBase64: "command_base64", command.command)
        line.add("scope", orBase64: "scope_base64", command.scope.bytes)
        line.add("isolation", command.isolation)
        line.add("started_ns", command.startedNanoseconds)
        line.add("running", command.end == nil)
        line.add("stdout_bytes", command.written.standardOutput)
        line.add("stderr_bytes", command.written.standardError)
        line.add("stdout_kept_from", command.keptFrom.standardOutput)
        line.add("stderr_kept_from", command.keptFrom.standardError)
        if let end = command.end { CommandEnd.add(end, to: &line) }
        return line
    }
}
