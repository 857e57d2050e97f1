import AgentBackend
import ArgumentParser
import BrokerClient

/// Prints a directory as a tar archive.
struct ArchiveCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "archive",
        abstract: "Print a directory of the workspace, or a file, as a tar archive.",
        discussion: """
            Files, directories and symbolic links, which are not followed, in the order of names, with permissions and \
            times, without owners; names are relative to the directory. The same files give the same bytes. What cannot \
            be read is left out, and a file that changes while it is read is filled up with zeros or cut: the exit status \
            is then 1. With --json one object on standard error at the end: path, entries, bytes, skipped, changed.
            """
    )

    @OptionGroup var client: ClientOptions
    @Argument var path = ByteArgument(argument: "/workspace")
    @Flag(name: [.customShort("z"), .long], help: "Compress it with gzip.")
    var gzip = false
    @Flag(help: "Compress it with zstd.")
    var zstd = false
    @Option(help: ArgumentHelp("Nothing whose path matches; may be given several times.", valueName: "pattern"))
    var exclude: [ByteArgument] = []

    func validate() throws {
        if gzip, zstd { throw ValidationError("--gzip and --zstd do not go together: leave one out") }
    }

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        let path = try client.path(path)
        let reader = try await connection.openArchive(
            path,
            options: ArchiveOptions(
                compression: gzip ? .gzip : zstd ? .zstd : .none,
                excludes: try exclude.map { try GlobPattern($0.bytes) }
            ),
            on: try client.target()
        )
        while let piece = try await reader.read(upTo: 256 << 10) { try await output.standardOutput.write(piece) }
        let summary = reader.summary
        if output.asJSON {
            var line = JSONLine()
            line.add("path", "\(path)")
            line.add("entries", summary.entries)
            line.add("bytes", summary.bytes)
            line.add("skipped", summary.skipped)
            line.add("changed", summary.changed)
            try await output.standardError.write(line.text + [UInt8(ascii: "\n")])
        }
        guard summary.changed > 0 else { return try await output.conclude(skipped: summary.skipped) }
        throw BackendError(
            .readFailed,
            reason: .busy,
            message: "\(summary.changed) files changed while they were archived: archive again"
        )
    }
}
