import AgentBackend
import ArgumentParser
import BrokerClient
import NIOCore

/// Fetches a file to this host.
struct DownloadCommand: BackendCommand {
    static let configuration = CommandConfiguration(
        commandName: "download",
        abstract: "Fetch a file of the workspace to this host.",
        discussion: """
            What came is kept beside the local file, as LOCAL.ETAG.part, until all of it is there and its SHA-256 is \
            right. It goes on where it was when its connection is lost, and when it is run again after it was \
            interrupted, as long as the file is of the same version. \
            With --json one object about the file: path, type, size, mode, modified_ns, etag.
            """
    )

    @OptionGroup var client: ClientOptions
    @Argument var path: ByteArgument
    @Argument(help: "The file of this host, which is replaced.") var local: String

    func run(_ backend: RemoteFilesystemBackend, _ output: CommandOutput) async throws -> ExitStatus {
        let path = try client.path(path)
        let etag = try await backend.stat(path, followLink: true).etag
        let part = "\(local).\(etag.map { "\($0)" } ?? "none").part"
        let file = try LocalFile(adding: part)
        var download = Download(etag: etag)
        while let piece = try file.read(at: download.offset) { download.add(piece) }
        var offset = download.offset
        let info: FileInfo
        do {
            info = try await backend.download(path, &download) { piece in
                try file.write(piece, at: offset)
                offset += UInt64(piece.readableBytes)
            }
        } catch let error as BackendError where error.reason == .io {
            // Other bytes than there are: nothing comes of them.
            LocalFile.remove(part)
            throw error
        }
        try LocalFile.rename(part, to: local)
        guard output.asJSON else { return .success }
        var line = JSONLine()
        line.add("path", "\(path)")
        line.add(info)
        try await output.print(line)
        return .success
    }
}
