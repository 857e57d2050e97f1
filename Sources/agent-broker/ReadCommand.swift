import AgentBackend
import ArgumentParser
import BrokerClient
import NIOCore

/// Prints files.
struct ReadCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "read",
        abstract: "Print files of the workspace, one after the other.",
        discussion: """
            Byte for byte, of any size. Progress is shown on standard error where that is a terminal, and standard \
            output is none. With --json one object for each: path, type, size, mode, modified_ns, etag, and content or, \
            for what is no UTF-8 text, content_base64; at most 64 MiB. Of several files what keeps one from being read \
            is said on standard error, and the others are read all the same.
            """
    )

    @OptionGroup var client: ClientOptions
    @Argument var path: [ByteArgument]
    @Flag(name: .shortAndLong, help: "Show no progress.")
    var quiet = false

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        let paths = try path.map { try client.path($0) }
        let target = try client.target()
        if paths.count == 1 {
            try await read(paths[0], of: target, connection, output)
            return .success
        }
        var status = ExitStatus.success
        for batch in paths.batches {
            let results = try await connection.readMany(Array(batch), on: target)
            for (path, result) in zip(batch, results) {
                switch result {
                case .success(let contents) where !contents.isTruncated:
                    try await tell(path, contents.info, contents.bytes, output)
                case .success:
                    // There was no room for it in one answer with the others.
                    do {
                        try await read(path, of: target, connection, output)
                    } catch let error as BackendError {
                        status = Self.report(error, output)
                    }
                case .failure(let error): status = Self.report(error.during("read"), output)
                }
            }
        }
        return status
    }

    private static func report(_ error: BackendError, _ output: CommandOutput) -> ExitStatus {
        ExitStatus.report(error, asJSON: output.asJSON)
        return ExitStatus(error)
    }

    private func read(
        _ path: WorkspacePath,
        of target: BrokerTarget,
        _ connection: BrokerConnection,
        _ output: CommandOutput
    ) async throws {
        let reader = try await connection.openReader(path, on: target)
        guard output.asJSON else {
            let bar = quiet || output.standardOutput.isTerminal ? nil : ProgressBar(total: reader.info.size)
            defer { bar?.end() }
            for try await piece in reader {
                try await output.standardOutput.write(piece)
                bar?.advance(piece.readableBytes)
            }
            return
        }
        try await tell(path, reader.info, try await reader.collect(maximum: 64 << 20), output)
    }

    private func tell(
        _ path: WorkspacePath,
        _ info: FileInfo,
        _ contents: ByteBuffer,
        _ output: CommandOutput
    ) async throws {
        guard output.asJSON else { return try await output.standardOutput.write(contents) }
        var line = JSONLine()
        line.add("path", "\(path)")
        line.add(info)
        line.add("content", orBase64: "content_base64", contents.readableBytesView)
        try await output.print(line)
    }
}
