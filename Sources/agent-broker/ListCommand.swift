import AgentBackend
import ArgumentParser
import BrokerClient

/// Lists a directory.
struct ListCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract: "List a directory of the workspace, one name per line, sorted as bytes.",
        discussion: """
            Names are printed as they are; on a terminal, bytes that are no printable text are shown as \\xNN. With \
            --json one object per line: name or, for what is no UTF-8 text, name_base64; with -l also type, size, mode \
            and modified_ns.
            """
    )

    @OptionGroup var client: ClientOptions
    @Argument var path = ByteArgument(argument: "/workspace")
    @Flag(name: [.customShort("l"), .long], help: "With type, permissions, size and time.")
    var details = false

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        let entries = connection.entries(of: try client.path(path), withDetails: details, on: try client.target())
        var lines = LineOutput(output)
        for try await entry in entries {
            if output.asJSON {
                var line = JSONLine()
                line.add("name", orBase64: "name_base64", entry.name)
                if let info = entry.info { line.add(info) }
                try await lines.add(line)
            } else {
                // One without details vanished while it was looked at.
                let text = entry.info.map { FileDetails(info: $0).text } ?? "?"
                try await lines.add(details ? "\(text) " : "", entry.name)
            }
        }
        try await lines.flush()
        return .success
    }
}
