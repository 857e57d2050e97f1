import AgentBackend
import ArgumentParser
import BrokerClient

/// Extracts a tar archive from standard input.
struct ExtractCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "extract",
        abstract: "Extract a tar archive from standard input into a directory of the workspace.",
        discussion: """
            Plain, or compressed with gzip or zstd. The directory is made; files that are there are replaced, each as a \
            whole. The broker looks at all of the archive first: one with a path or link that leads outside, a device or \
            a pipe, or that is damaged or too large, is refused, and nothing is extracted. With --json one object: path, \
            files, directories, links, bytes.
            """
    )

    @OptionGroup var client: ClientOptions
    @OptionGroup var change: ChangeArguments
    @Argument var path = ByteArgument(argument: "/workspace")
    @Flag(name: [.customShort("n"), .long], help: "Fail where a file would be replaced.")
    var noReplace = false
    @Flag(name: .shortAndLong, help: "Show no progress.")
    var quiet = false

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        let path = try client.path(path)
        let input = try Descriptor(0)
        let bar = quiet || output.asJSON ? nil : ProgressBar(total: input.remainingBytes)
        defer { bar?.end() }
        let result = try await connection.extract(
            into: path,
            contents: Descriptor.Contents(descriptor: input, bar: bar),
            options: ExtractOptions(replacesExisting: !noReplace),
            on: try client.target(),
            call: change.options
        )
        guard output.asJSON else { return .success }
        var line = JSONLine()
        line.add("path", "\(path)")
        line.add("files", result.files)
        line.add("directories", result.directories)
        line.add("links", result.links)
        line.add("bytes", result.bytes)
        try await output.print(line)
        return .success
    }
}
