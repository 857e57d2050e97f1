import AgentBackend
import NIOCore

/// Lines on standard output, many in one write. Whoever adds lines flushes them at the end.
struct LineOutput {
    private let output: CommandOutput
    private let isTerminal: Bool
    private var lines = ByteBuffer()

    /// Bytes that are kept before they are written.
    private static let maximumKept = 64 << 10

    init(_ output: CommandOutput) {
        self.output = output
        isTerminal = output.standardOutput.isTerminal
    }

    mutating func add(_ line: JSONLine) async throws {
        lines.writeBytes(line.text)
        try await endLine()
    }

    /// Text of our own, then a name: its bytes as they are; on a terminal those that are no printable text escaped.
    mutating func add(_ text: String, _ name: [UInt8]) async throws {
        lines.writeString(text)
        if isTerminal {
            lines.writeString(WorkspacePath.printable(name))
        } else {
            lines.writeBytes(name)
        }
        try await endLine()
    }

    mutating func flush() async throws {
        try await output.standardOutput.write(lines)
        lines.clear()
    }

    private mutating func endLine() async throws {
        lines.writeInteger(UInt8(ascii: "\n"))
        if lines.readableBytes > Self.maximumKept { try await flush() }
    }
}
