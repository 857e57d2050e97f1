import AgentBackend
import ArgumentParser
import BrokerClient

/// Sends a file of this host.
struct UploadCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "upload",
        abstract: "Send a file of this host to the workspace, in pieces.",
        discussion: """
            It takes its place when all of it is there and its SHA-256 is right. Run again after it was interrupted it \
            goes on where it was, as long as the local file is the same and the broker still has the entry. With --json \
            one object about the file as it is then: path, type, size, mode, modified_ns, etag.
            """
    )

    @OptionGroup var client: ClientOptions
    @Argument(help: "The file of this host.") var local: String
    @Argument var path: ByteArgument
    @Flag(help: "Fail where there is a file already.")
    var create = false
    @Option(help: ArgumentHelp("Write only where the file is of this version.", valueName: "etag"))
    var ifMatch: EtagArgument?

    func validate() throws {
        if create, ifMatch != nil {
            throw ValidationError("--create and --if-match do not go together: a file that is there has a version")
        }
    }

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        let path = try client.path(path)
        let file = try LocalFile(reading: local)
        let info = try await connection.upload(
            path,
            name: try file.version(),
            options: WriteOptions(mode: create ? .createOnly : .replace, expectedEtag: ifMatch?.etag),
            on: try client.target()
        ) { offset in
            try file.read(at: offset)
        }
        guard output.asJSON else { return .success }
        var line = JSONLine()
        line.add("path", "\(path)")
        line.add(info)
        try await output.print(line)
        return .success
    }
}
