import AgentBackend
import ArgumentParser
import BrokerClient

/// Gives a file other permissions.
struct ChangeModeCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "chmod",
        abstract: "Give a file or directory of the workspace permission bits.",
        discussion: "With --json one object: path, type, size, mode, modified_ns and, of a file, etag."
    )

    @OptionGroup var client: ClientOptions
    @OptionGroup var change: ChangeArguments
    @Argument(help: "In octal, such as 644.") var mode: String
    @Argument var path: ByteArgument

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        guard let permissions = UInt32(mode, radix: 8), mode.first != "+", permissions <= 0o777 else {
            throw ClientOptions.usage("the mode \(mode) is not 0 to 777 in octal: give one such as 644")
        }
        let path = try client.path(path)
        let info = try await connection.chmod(
            path,
            permissions: permissions,
            on: try client.target(),
            call: change.options
        )
        guard output.asJSON else { return .success }
        var line = JSONLine()
        line.add("path", "\(path)")
        line.add(info)
        try await output.print(line)
        return .success
    }
}
