import AgentBackend
import ArgumentParser
import BrokerClient

/// Makes an empty file, or a file new.
struct TouchCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "touch",
        abstract: "Make an empty file of the workspace, or set the time of what is there to now.",
        discussion: """
            Directories above it are made; what is in a file is never changed. With --json one object: path, type, \
            size, mode, modified_ns, etag.
            """
    )

    @OptionGroup var client: ClientOptions
    @OptionGroup var change: ChangeArguments
    @Argument var path: ByteArgument

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        let path = try client.path(path)
        let info = try await connection.touch(path, on: try client.target(), call: change.options)
        guard output.asJSON else { return .success }
        var line = JSONLine()
        line.add("path", "\(path)")
        line.add(info)
        try await output.print(line)
        return .success
    }
}
