import AgentBackend
import ArgumentParser
import BrokerClient

/// Copies something within the workspace.
struct CopyCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "cp",
        abstract: "Copy a file, or with -r a directory, within the workspace.",
        discussion: """
            The broker copies; nothing travels to here. The new path is that of the copy itself; directories above it \
            are made, and a directory is copied into one that is there already. With --json one object: from, path, \
            files, bytes.
            """
    )

    @OptionGroup var client: ClientOptions
    @OptionGroup var change: ChangeArguments
    @Argument(help: ArgumentHelp(valueName: "path")) var source: ByteArgument
    @Argument(help: ArgumentHelp(valueName: "new-path")) var destination: ByteArgument
    @Flag(name: .shortAndLong, help: "A directory with all that is in it.")
    var recursive = false
    @Flag(name: [.customShort("n"), .long], help: "Fail where a file would be replaced.")
    var noReplace = false
    @Option(help: ArgumentHelp("Copy only where the file is of this version.", valueName: "etag"))
    var ifMatch: EtagArgument?

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        let (source, destination) = (try client.path(source), try client.path(destination))
        let copied = try await connection.copy(
            source,
            to: destination,
            options: CopyOptions(
                recursive: recursive,
                replacesExisting: !noReplace,
                expectedEtag: ifMatch?.etag
            ),
            on: try client.target(),
            call: change.options
        )
        guard output.asJSON else { return .success }
        var line = JSONLine()
        line.add("from", "\(source)")
        line.add("path", "\(destination)")
        line.add("files", copied.files)
        line.add("bytes", copied.bytes)
        try await output.print(line)
        return .success
    }
}
