import AgentBackend
import ArgumentParser
import BrokerClient

/// Removes something.
struct RemoveCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm",
        abstract: "Remove a file, a symbolic link or a directory of the workspace.",
        discussion: "With --json one object: path."
    )

    @OptionGroup var client: ClientOptions
    @OptionGroup var change: ChangeArguments
    @Argument var path: ByteArgument
    @Flag(name: .shortAndLong, help: "A directory with all that is in it.")
    var recursive = false
    @Flag(name: .shortAndLong, help: "A missing target is no error.")
    var force = false
    @Option(help: ArgumentHelp("Remove only where the file is of this version.", valueName: "etag"))
    var ifMatch: EtagArgument?

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        let path = try client.path(path)
        let options = RemoveOptions(recursive: recursive, force: force, expectedEtag: ifMatch?.etag)
        try await connection.rm(path, options: options, on: try client.target(), call: change.options)
        guard output.asJSON else { return .success }
        var line = JSONLine()
        line.add("path", "\(path)")
        try await output.print(line)
        return .success
    }
}
