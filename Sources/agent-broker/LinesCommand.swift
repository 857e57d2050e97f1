import AgentBackend
import ArgumentParser
import BrokerClient

/// Prints some lines of a file.
struct LinesCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "lines",
        abstract: "Print some lines of a file of the workspace.",
        discussion: """
            They are printed as they are. What is more than fits into one answer is asked for again. With --json one \
            object: path, offset, lines, total_lines, truncated, text or, for what is no UTF-8 text, text_base64, and \
            type, size, mode, modified_ns and etag of the file.
            """
    )

    @OptionGroup var client: ClientOptions
    @Argument var path: ByteArgument
    @Option(help: "Lines to pass over at the start of the file.")
    var offset: UInt64 = 0
    @Option(help: "At most so many lines.")
    var limit: UInt64?

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        let path = try client.path(path)
        let target = try client.target()
        guard limit != 0 else { throw ClientOptions.usage("--limit is 0: ask for a line at least") }
        var window = LineWindow(offset: offset, limit: limit)
        while true {
            let page = try await connection.readLines(path, window: window, on: target)
            guard output.asJSON else {
                try await output.standardOutput.write(page.text)
                window.offset += page.lines
                window.limit = window.limit.map { $0 - min($0, page.lines) }
                guard page.isTruncated, page.lines > 0, window.limit != 0 else { return .success }
                continue
            }
            var line = JSONLine()
            line.add("path", "\(path)")
            line.add("offset", window.offset)
            line.add("lines", page.lines)
            line.add("total_lines", page.totalLines)
            line.add("truncated", page.isTruncated)
            line.add("text", orBase64: "text_base64", page.text)
            line.add(page.info)
            try await output.print(line)
            return .success
        }
    }
}
