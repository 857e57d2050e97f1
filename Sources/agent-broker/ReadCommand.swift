import AgentBackend
import ArgumentParser
import BrokerClient
import NIOCore

/// Prints a file.
struct ReadCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "read",
        abstract: "Print a file of the workspace.",
        discussion: """
            Byte for byte, of any size. Progress is shown on standard error where that is a terminal, and standard \
            output is none. With --json one object: path, type, size, mode, modified_ns, etag, and content or, \
            for what is no UTF-8 text, content_base64; at most 64 MiB.
            """
    )

    @OptionGroup var client: ClientOptions
    @Argument var path: ByteArgument
    @Flag(name: .shortAndLong, help: "Show no progress.")
    var quiet = false

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        let path = try client.path(path)
        let reader = try await connection.openReader(path, on: try client.target())
        guard output.asJSON else {
            let bar = quiet || output.standardOutput.isTerminal ? nil : ProgressBar(total: reader.info.size)
            defer { bar?.end() }
            for try await piece in reader {
                try await output.standardOutput.write(piece)
                bar?.advance(piece.readableBytes)
            }
            return .success
        }
        let contents = try await reader.collect(maximum: 64 << 20)
        var line = JSONLine()
        line.add("path", "\(path)")
        line.add(reader.info)
        line.add("content", orBase64: "content_base64", contents.readableBytesView)
        try await output.print(line)
        return .success
    }
}
