import AgentBackend
import ArgumentParser
import BrokerClient
import NIOCore

/// Sends a file of this host.
struct UploadCommand: BackendCommand {
    static let configuration = CommandConfiguration(
        commandName: "upload",
        abstract: "Send a file of this host to the workspace, in pieces.",
        discussion: """
            It takes its place when all of it is there and its SHA-256 is right. It goes on where it was when its \
            connection is lost, and when it is run again after it was interrupted, as long as the local file is the same \
            and the broker has not given the upload up. With --json one object about the file as it is then: path, type, \
            size, mode, modified_ns, etag.
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

    func run(_ backend: RemoteFilesystemBackend, _ output: CommandOutput) async throws -> ExitStatus {
        let path = try client.path(path)
        let file = try LocalFile(reading: local)
        let options = WriteOptions(mode: create ? .createOnly : .replace, expectedEtag: ifMatch?.etag)
        let name = try Self.name(of: file, path, options)
        let info = try await backend.upload(path, name: name, options: options) { offset in
            try file.read(at: offset)
        }
        guard output.asJSON else { return .success }
        var line = JSONLine()
        line.add("path", "\(path)")
        line.add(info)
        try await output.print(line)
        return .success
    }

    /// The same for the same file, path and options, so that it is found again.
    private static func name(
        of file: borrowing LocalFile,
        _ path: WorkspacePath,
        _ options: WriteOptions
    ) throws(BackendError) -> String {
        var parts = ByteBuffer(string: "\(try file.version()) \(options.mode) ")
        parts.writeString("\(options.expectedEtag.map { "\($0)" } ?? "any") ")
        parts.writeBytes(path.bytes)
        var checksum = RunningChecksum()
        checksum.add(parts)
        return checksum.sha256.hexadecimal
    }
}
