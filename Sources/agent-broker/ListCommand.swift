import AgentBackend
import ArgumentParser
import BrokerClient
import NIOCore

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
        let isTerminal = output.standardOutput.isTerminal
        var lines = ByteBuffer()
        for try await entry in entries {
            append(entry, to: &lines, asJSON: output.asJSON, isTerminal: isTerminal)
            lines.writeInteger(UInt8(ascii: "\n"))
            if lines.readableBytes > 64 << 10 {
                try await output.standardOutput.write(lines)
                lines.clear()
            }
        }
        try await output.standardOutput.write(lines)
        return .success
    }

    private func append(_ entry: DirectoryEntry, to lines: inout ByteBuffer, asJSON: Bool, isTerminal: Bool) {
        if asJSON {
            var line = JSONLine()
            line.add("name", orBase64: "name_base64", entry.name)
            if let info = entry.info { line.add(info) }
            lines.writeBytes(line.text)
            return
        }
        if details {
            // It vanished while it was looked at.
            let text = entry.info.map { FileDetails(info: $0).text } ?? "?"
            lines.writeString("\(text) ")
        }
        if isTerminal {
            lines.writeString(WorkspacePath.printable(entry.name))
        } else {
            lines.writeBytes(entry.name)
        }
    }
}
