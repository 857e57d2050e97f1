import AgentBackend
import ArgumentParser
import BrokerClient

/// Tells whether something is at a path.
struct ExistsCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "exists",
        abstract: "Exit with 0 if something is at a path of the workspace, with 1 if not.",
        discussion: """
            A symbolic link is followed. What keeps it from telling is said on standard error. With --json one object: \
            path, exists.
            """
    )

    @OptionGroup var client: ClientOptions
    @Argument var path: ByteArgument

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        let path = try client.path(path)
        let isThere = try await connection.exists(path, on: try client.target())
        if output.asJSON {
            var line = JSONLine()
            line.add("path", "\(path)")
            line.add("exists", isThere)
            try await output.print(line)
        }
        return isThere ? .success : .failure
    }
}
