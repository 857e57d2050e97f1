import AgentBackend
import ArgumentParser
import BrokerClient

/// Shows what is in a directory and in those in it.
struct TreeCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "tree",
        abstract: "Show what is in a directory of the workspace, and in those in it.",
        discussion: """
            One name per line, further to the right the deeper it lies, a directory with a slash behind it and before \
            what is in it. Hidden names and directories of version control are left out unless asked for; no link is \
            followed. With --json one object per line: path or, for what is no UTF-8 text, path_base64, and type; with \
            -l also size, mode, modified_ns and, of a file, etag. Where --limit cuts it the exit status is 75.
            """
    )

    @OptionGroup var client: ClientOptions
    @Argument(help: "The directory.") var path = ByteArgument(argument: "/workspace")
    @Option(help: "Levels of directories; 0 is all.")
    var depth: UInt32 = 0
    @Option(help: "Show so many entries at most.")
    var limit: UInt32?
    @Option(help: ArgumentHelp("Nothing whose path matches; may be given several times.", valueName: "pattern"))
    var exclude: [ByteArgument] = []
    @Flag(help: "Names with a leading dot too.")
    var hidden = false
    @Flag(help: "Directories of version control too; .git and its like with --hidden only.")
    var versionControl = false
    @Flag(name: [.customShort("l"), .long], help: "With type, permissions, size and time.")
    var details = false

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        guard limit != 0 else { throw ClientOptions.usage("--limit is 0: ask for an entry at least") }
        let target = try client.target()
        var options = TreeOptions(
            path: try client.path(path),
            depth: Int(depth),
            excludes: try exclude.map { try GlobPattern($0.bytes) },
            includesHidden: hidden,
            includesVersionControl: versionControl,
            withDetails: details
        )
        var rest = limit.map(Int.init) ?? .max
        var skipped: UInt64 = 0
        var lines = LineOutput(output)
        repeat {
            options.limit = min(rest, TreeOptions.maximumEntries)
            let page = try await connection.tree(options, on: target)
            if !output.asJSON, options.after == nil { try await lines.add("", Array("\(options.path)".utf8)) }
            for file in page.files { try await tell(file, options.path, output, &lines) }
            rest -= page.files.count
            skipped += page.skipped
            options.after = page.next
        } while options.after != nil && rest > 0
        try await lines.flush()
        guard options.after == nil else {
            throw BackendError(.resourceExhausted, message: "there may be more: raise --limit, or look at less")
        }
        return try await output.conclude(skipped: skipped)
    }

    private func tell(
        _ file: FoundFile,
        _ top: WorkspacePath,
        _ output: CommandOutput,
        _ lines: inout LineOutput
    ) async throws {
        guard !output.asJSON, let name = file.path.parentAndName?.name else {
            return try await lines.add(file, withDetails: details, asJSON: true)
        }
        let level = file.path.relative(to: top)?.bytes.split(separator: UInt8(ascii: "/")).count ?? 1
        let indentation = String(repeating: "  ", count: level)
        // One without details vanished while it was looked at.
        let text = file.info.map { FileDetails(info: $0).text } ?? "?"
        let slash = file.kind == .directory ? [UInt8(ascii: "/")] : []
        try await lines.add(details ? "\(text) \(indentation)" : indentation, name + slash)
    }
}
