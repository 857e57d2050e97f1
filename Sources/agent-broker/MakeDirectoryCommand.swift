import AgentBackend
import ArgumentParser
import BrokerClient

/// Makes a directory.
struct MakeDirectoryCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "mkdir",
        abstract: "Make a directory of the workspace, with those above it.",
        discussion: "One that is there already is no error, unless --no-parents is given. With --json one object: path."
    )

    @OptionGroup var client: ClientOptions
    @OptionGroup var change: ChangeArguments
    @Argument var path: ByteArgument
    @Flag(help: "Make this one alone: fail where it is there, or the one above it is not.")
    var noParents = false
    @Option(help: "Permission bits of the directory, in octal.")
    var mode = FileMode(bits: 0o755)

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        let path = try client.path(path)
        let options = MkdirOptions(recursive: !noParents, permissions: mode.bits)
        try await connection.mkdir(path, options: options, on: try client.target(), call: change.options)
        guard output.asJSON else { return .success }
        var line = JSONLine()
        line.add("path", "\(path)")
        try await output.print(line)
        return .success
    }
}
