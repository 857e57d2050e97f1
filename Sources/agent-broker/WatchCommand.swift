import AgentBackend
import ArgumentParser
import BrokerClient

/// Prints what changes in a directory, as it changes.
struct WatchCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Print what changes in a directory of the workspace, until Ctrl-C.",
        discussion: """
            A line per change: created, modified, removed or moved, and the path, of a directory with a slash behind it. \
            "overflow" says that changes are missing: list what is there again. With --json one object per line: event, \
            path or, for what is no UTF-8 text, path_base64, type of a directory, from of what was moved, missing. It \
            ends when the directory is removed.
            """
    )

    @OptionGroup var client: ClientOptions
    @Argument(help: "The directory.") var path = ByteArgument(argument: "/workspace")
    @Flag(name: .shortAndLong, help: "Also what is in the directories in it.")
    var recursive = false
    @Option(help: ArgumentHelp("Only what has a path that matches; may be given several times.", valueName: "pattern"))
    var include: [ByteArgument] = []
    @Option(help: ArgumentHelp("Nothing whose path matches; may be given several times.", valueName: "pattern"))
    var exclude: [ByteArgument] = []

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        let options = WatchOptions(
            path: try client.path(path),
            isRecursive: recursive,
            includes: try include.map { try GlobPattern($0.bytes) },
            excludes: try exclude.map { try GlobPattern($0.bytes) }
        )
        let watch = try await connection.watch(options, on: try client.target())
        try await output.standardError.write(Array("agent-broker: watching, Ctrl-C ends it\n".utf8))
        for try await change in watch {
            var lines = LineOutput(output)
            try await lines.add(change, asJSON: output.asJSON)
            try await lines.flush()
        }
        return .success
    }
}

extension LineOutput {
    fileprivate mutating func add(_ change: FileChange, asJSON: Bool) async throws {
        if asJSON {
            var line = JSONLine()
            line.add("event", change.kind.name)
            line.add("path", orBase64: "path_base64", change.path.rooted)
            if change.isDirectory { line.add("type", "directory") }
            if let from = change.from { line.add("from", orBase64: "from_base64", from.rooted) }
            if change.kind == .overflow { line.add("missing", change.missing) }
            return try await add(line)
        }
        let arrow = change.from.map { $0.rooted + Array(" -> ".utf8) } ?? []
        let slash = change.isDirectory ? [UInt8(ascii: "/")] : []
        let missing = change.kind == .overflow ? " (\(change.missing) missing)" : ""
        try await add("\(change.kind.name)\(missing) ", arrow + change.path.rooted + slash)
    }
}

extension FileChange.Kind {
    fileprivate var name: String {
        switch self {
        case .created: "created"
        case .modified: "modified"
        case .removed: "removed"
        case .moved: "moved"
        case .overflow: "overflow"
        }
    }
}
