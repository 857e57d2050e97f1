import AgentBackend
import ArgumentParser
import BrokerClient
import NIOCore

/// Shows what a command in the background writes.
struct AttachCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "attach",
        abstract: "Print what a command in the background writes, from its beginning on, and exit as it does.",
        discussion: """
            Ctrl-C ends this and not the command. Where the broker keeps some of it no more, a line on standard error \
            says how many bytes are missing.

            With --json one object per piece: stream, offset and data (or data_base64), or stream, offset and missing; \
            then one as of wait.
            """
    )

    @OptionGroup var client: ClientOptions
    @Option(help: ArgumentHelp("Begin at this byte of standard output.", valueName: "bytes"))
    var fromOffset: UInt64 = 0
    @Option(help: ArgumentHelp("Begin at this byte of standard error.", valueName: "bytes"))
    var stderrFromOffset: UInt64 = 0
    @Argument(help: "As exec --detach and ps print it.")
    var id: UInt64

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        let command = connection.backgroundCommand(id, on: try client.target())
        let offsets = StreamOffsets(standardOutput: fromOffset, standardError: stderrFromOffset)
        var end: ExecEnd?
        for try await event in try await command.attach(from: offsets) {
            if case .ended(let ended) = event { end = ended }
            try await output.asJSON ? output.print(Self.json(event)) : Self.pass(event, to: output)
        }
        return try CommandEnd.status(end, isQuiet: client.json)
    }

    private static func pass(_ event: BackgroundEvent, to output: CommandOutput) async throws {
        switch event {
        case .output(.standardOutput, _, let bytes): try await output.standardOutput.write(bytes)
        case .output(.standardError, _, let bytes): try await output.standardError.write(bytes)
        case .missing(let stream, let missing):
            let note = "agent-broker: \(missing.count) bytes of \(name(stream)) are missing here\n"
            try await output.standardError.write(Array(note.utf8))
        case .ended: break
        }
    }

    private static func json(_ event: BackgroundEvent) -> JSONLine {
        var line = JSONLine()
        switch event {
        case .output(let stream, let offset, let bytes):
            line.add("stream", name(stream))
            line.add("offset", offset)
            line.add("data", orBase64: "data_base64", bytes.readableBytesView)
        case .missing(let stream, let missing):
            line.add("stream", name(stream))
            line.add("offset", missing.lowerBound)
            line.add("missing", missing.count)
        case .ended(let end):
            CommandEnd.add(end, to: &line)
        }
        return line
    }

    private static func name(_ stream: CommandStream) -> String {
        switch stream {
        case .standardOutput: "stdout"
        case .standardError: "stderr"
        }
    }
}
