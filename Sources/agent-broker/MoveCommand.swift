import AgentBackend
import ArgumentParser
import BrokerClient

/// Gives something another name.
struct MoveCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "mv",
        abstract: "Rename a file, a symbolic link or a directory of the workspace, in one step.",
        discussion: """
            The new path is the one that it has afterwards, also where a directory is there already: that fails unless \
            the directory is empty and a directory is moved. Directories above the new path are made. With --json one \
            object: from, path.
            """
    )

    @OptionGroup var client: ClientOptions
    @OptionGroup var change: ChangeArguments
    @Argument(help: ArgumentHelp(valueName: "path")) var source: ByteArgument
    @Argument(help: ArgumentHelp(valueName: "new-path")) var destination: ByteArgument
    @Flag(name: [.customShort("n"), .long], help: "Fail where the new path is taken.")
    var noReplace = false
    @Option(help: ArgumentHelp("Rename only where the file is of this version.", valueName: "etag"))
    var ifMatch: EtagArgument?

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        let (source, destination) = (try client.path(source), try client.path(destination))
        try await connection.rename(
            source,
            to: destination,
            options: RenameOptions(replacesExisting: !noReplace, expectedEtag: ifMatch?.etag),
            on: try client.target(),
            call: change.options
        )
        guard output.asJSON else { return .success }
        var line = JSONLine()
        line.add("from", "\(source)")
        line.add("path", "\(destination)")
        try await output.print(line)
        return .success
    }
}
