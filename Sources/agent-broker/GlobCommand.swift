import AgentBackend
import ArgumentParser
import BrokerClient

/// Finds files by their names.
struct GlobCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "glob",
        abstract: "Find the files whose paths match a pattern, one per line, in the order of their names.",
        discussion: """
            * ? [a-z] [!a-z] {a,b} as in a shell, ** for any directories or none; what is hidden is matched by a dot \
            alone. A pattern without a slash matches names at any depth. Quote it, or the shell here takes it apart. \
            Paths are printed as they are; on a terminal, bytes that are no printable text are shown as \\xNN. With \
            --json one object per line: path or, for what is no UTF-8 text, path_base64, and type; with -l also size, \
            mode, modified_ns and, of a file, etag.
            """
    )

    @OptionGroup var client: ClientOptions
    @Argument var pattern: ByteArgument
    @Argument(help: "The directory to search.") var path = ByteArgument(argument: "/workspace")
    @Flag(name: .shortAndLong, help: "Directories, symbolic links and other kinds too.")
    var allKinds = false
    @Flag(help: "What is hidden too: a leading dot is a character like others.")
    var hidden = false
    @Flag(name: [.customShort("l"), .long], help: "With type, permissions, size and time.")
    var details = false

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        let pattern = try GlobPattern(self.pattern.bytes)
        let target = try client.target()
        var options = GlobOptions(
            path: try client.path(path),
            includesAllKinds: allKinds,
            includesHidden: hidden,
            withDetails: details
        )
        var lines = LineOutput(output)
        var skipped: UInt64 = 0
        repeat {
            let page = try await connection.glob(pattern, options: options, on: target)
            for file in page.files { try await lines.add(file, withDetails: details, asJSON: output.asJSON) }
            skipped += page.skipped
            options.after = page.next
        } while options.after != nil
        try await lines.flush()
        return try await output.conclude(skipped: skipped)
    }
}
