import AgentBackend
import ArgumentParser
import BrokerClient

/// Replaces a text in a file.
struct EditCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "edit",
        abstract: "Replace a text in a file of the workspace by another, and print what changes.",
        discussion: """
            The text has to be there once, byte by byte, or with --all at least once. What changes is printed in the \
            unified format of diff(1). With --json one object: path, replacements, diff or, for what is no UTF-8 text, \
            diff_base64, type, size, mode, modified_ns and etag.
            """
    )

    @OptionGroup var client: ClientOptions
    @OptionGroup var change: ChangeArguments
    @Argument var path: ByteArgument
    @Argument(help: ArgumentHelp("What is there.", valueName: "old")) var old: ByteArgument
    @Argument(help: ArgumentHelp("What takes its place.", valueName: "new")) var new: ByteArgument
    @Flag(name: .shortAndLong, help: "Wherever the text is there.")
    var all = false
    @Flag(name: [.customShort("n"), .long], help: "Print what would change, and leave the file as it is.")
    var dryRun = false
    @Option(help: ArgumentHelp("Only where the file is still of this version.", valueName: "etag"))
    var ifMatch: EtagArgument?

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        let path = try client.path(path)
        let result = try await connection.edit(
            path,
            [TextEdit(old.bytes, new.bytes, replacesAll: all)],
            options: EditOptions(expectedEtag: ifMatch?.etag, isDryRun: dryRun),
            on: try client.target(),
            call: change.options
        )
        guard output.asJSON else {
            if let diff = result.diff { try await output.standardOutput.write(diff) }
            return .success
        }
        var line = JSONLine()
        line.add("path", "\(path)")
        line.add("replacements", result.replacements.reduce(0, +))
        if let diff = result.diff { line.add("diff", orBase64: "diff_base64", diff) }
        line.add(result.info)
        try await output.print(line)
        return .success
    }
}
