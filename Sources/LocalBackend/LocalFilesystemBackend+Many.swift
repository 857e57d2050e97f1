public import AgentBackend
internal import NIOCore

extension LocalFilesystemBackend {
    public func readMany(
        _ paths: [WorkspacePath],
        options: ReadManyOptions
    ) async throws(BackendError) -> [Result<FileContents, BackendError>] {
        try await each(paths) { files, path, room throws(DirectoryAccess.Failure) in
            let contents = try files.readBeginning(path, maximum: options.share(of: room))
            room -= contents.bytes.readableBytes
            return contents
        }
    }

    public func statMany(
        _ paths: [WorkspacePath],
        followLink: Bool
    ) async throws(BackendError) -> [Result<FileInfo, BackendError>] {
        try await each(paths) { files, path, _ throws(DirectoryAccess.Failure) in
            try files.access.stat(path, followLink: followLink)
        }
    }

    private func each<Value: Sendable>(
        _ paths: [WorkspacePath],
        _ body: @escaping WorkOnEach<Value>.Body
    ) async throws(BackendError) -> [Result<Value, BackendError>] {
        try paths.checkFitOneCall()
        return try await performInTurns(.readFailed, paths.first ?? .root) { _ in WorkOnEach(paths, body) }
    }
}
