import AgentBackend
import ArgumentParser
import BrokerClient

/// Works on workspaces as a whole.
struct WorkspaceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workspace",
        abstract: "List and remove workspaces: the files of a key.",
        subcommands: [List.self, Remove.self]
    )

    struct List: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls",
            abstract: "List the keys that have a workspace and that the token allows, one per line, sorted.",
            discussion: "With --json one object per line: key, live, used_ns."
        )

        @OptionGroup var client: ClientOptions
        @Flag(name: [.customShort("l"), .long], help: "With when it was last used, and whether it has an entry now.")
        var details = false

        func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
            var lines = LineOutput(output)
            for try await workspace in connection.workspaces() {
                if output.asJSON {
                    var line = JSONLine()
                    line.add("key", workspace.key)
                    line.add("live", workspace.isLive)
                    line.add("used_ns", workspace.usedNanoseconds)
                    try await lines.add(line)
                } else {
                    let time = FileDetails.time(workspace.usedNanoseconds)
                    let text = details ? "\(time) \(workspace.isLive ? "live" : "-   ") " : ""
                    try await lines.add(text, Array(workspace.key.utf8))
                }
            }
            try await lines.flush()
            return .success
        }
    }

    struct Remove: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "rm",
            abstract: "Remove the workspace of a key with all of its files, for good.",
            discussion: """
                One that is not there is no error. One that somebody uses stays, with exit status 73, unless --force is \
                given. With --json one object: key, deleted.
                """
        )

        @OptionGroup var client: ClientOptions
        @Argument(help: ArgumentHelp(valueName: "workspace-key"))
        var workspace: String
        @Flag(name: .shortAndLong, help: "Also while somebody uses it: commands in it are killed.")
        var force = false

        func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
            let isDeleted = try await connection.deleteWorkspace(key: workspace, force: force)
            guard output.asJSON else { return .success }
            var line = JSONLine()
            line.add("key", workspace)
            line.add("deleted", isDeleted)
            try await output.print(line)
            return .success
        }
    }
}
