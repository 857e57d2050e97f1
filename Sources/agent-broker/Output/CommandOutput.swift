import AgentBackend
import NIOCore

/// Where a command's results go.
struct CommandOutput: Sendable {
    let standardOutput: Descriptor
    let standardError: Descriptor
    let asJSON: Bool

    init(asJSON: Bool) throws {
        self.asJSON = asJSON
        standardOutput = try Descriptor(1)
        standardError = try Descriptor(2)
    }

    func print(_ line: JSONLine) async throws {
        try await standardOutput.write(line.text + [UInt8(ascii: "\n")])
    }

    func print(_ line: String) async throws {
        try await standardOutput.write(Array("\(line)\n".utf8))
    }
}
