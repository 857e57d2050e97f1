import AgentBackend
import ArgumentParser
import BrokerClient

/// Tells what is at some paths.
struct StatCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "stat",
        abstract: "Tell what is at paths of the workspace.",
        discussion: """
            With --json one object for each: path, type, size, mode, modified_ns and, of a file, etag. What cannot be \
            told of one path is said on standard error, and the others are told of all the same.
            """
    )

    @OptionGroup var client: ClientOptions
    @Argument var path: [ByteArgument]
    @Flag(help: "Tell of a symbolic link itself.")
    var noFollow = false

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        let target = try client.target()
        let paths = try path.map { try client.path($0) }
        var status = ExitStatus.success
        for batch in paths.batches {
            let results = try await connection.statMany(Array(batch), followLink: !noFollow, on: target)
            for (path, result) in zip(batch, results) {
                switch result {
                case .success(let info): try await tell(path, info, output)
                case .failure(let error):
                    ExitStatus.report(error.during("stat"), asJSON: output.asJSON)
                    status = ExitStatus(error)
                }
            }
        }
        return status
    }

    private func tell(_ path: WorkspacePath, _ info: FileInfo, _ output: CommandOutput) async throws {
        guard output.asJSON else { return try await output.print("\(FileDetails(info: info).text) \(path)") }
        var line = JSONLine()
        line.add("path", "\(path)")
        line.add(info)
        try await output.print(line)
    }
}
