import AgentBackend
import ArgumentParser
import BrokerClient

/// Prints checksums of files.
struct ChecksumCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "checksum",
        abstract: "Print the SHA-256 of files of the workspace.",
        discussion: """
            One line for each, as sha256sum prints it. With --json one object for each: path, sha256, bytes, etag.
            """
    )

    @OptionGroup var client: ClientOptions
    @Argument var path: [ByteArgument]

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        let target = try client.target()
        for path in path {
            let path = try client.path(path)
            let checksum = try await connection.checksum(path, on: target)
            let sha256 = checksum.sha256.hexadecimal
            guard output.asJSON else {
                try await output.print("\(sha256)  \(path)")
                continue
            }
            var line = JSONLine()
            line.add("path", "\(path)")
            line.add("sha256", sha256)
            line.add("bytes", checksum.bytes)
            if let etag = checksum.info.etag { line.add("etag", "\(etag)") }
            try await output.print(line)
        }
        return .success
    }
}

extension [UInt8] {
    var hexadecimal: String {
        map { byte in byte < 16 ? "0\(String(byte, radix: 16))" : String(byte, radix: 16) }.joined()
    }
}
