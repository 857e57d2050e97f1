import AgentBackend
import ArgumentParser
import BrokerClient

/// Tells what is at a path.
struct StatCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "stat",
        abstract: "Tell what is at a path of the workspace.",
        discussion: "With --json one object: path, type, size, mode, modified_ns and, of a file, etag."
    )

    @OptionGroup var client: ClientOptions
    @Argument var path: ByteArgument
    @Flag(help: "Tell of a symbolic link itself.")
    var noFollow = false

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        let path = try client.path(path)
        let info = try await connection.stat(path, followLink: !noFollow, on: try client.target())
        guard output.asJSON else {
            try await output.print("\(FileDetails(info: info).text) \(path)")
            return .success
        }
        var line = JSONLine()
        line.add("path", "\(path)")
        line.add(info)
        try await output.print(line)
        return .success
    }
}
