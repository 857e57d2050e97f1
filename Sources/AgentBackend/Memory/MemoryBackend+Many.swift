import NIOCore

extension MemoryBackend {
    @concurrent
    public func readMany(
        _ paths: [WorkspacePath],
        options: ReadManyOptions
    ) async throws(BackendError) -> [Result<FileContents, BackendError>] {
        var room = ManyFiles.maximumBytes
        return try each(paths) { path throws(BackendError) in
            let maximum = options.share(of: room)
            let (info, bytes) = try read(path, range: ReadRange(length: UInt64(maximum)))
            room -= bytes.readableBytes
            return FileContents(info: info, bytes: bytes, isTruncated: info.size > UInt64(maximum))
        }
    }

    @concurrent
    public func statMany(
        _ paths: [WorkspacePath],
        followLink: Bool
    ) async throws(BackendError) -> [Result<FileInfo, BackendError>] {
        try each(paths) { path throws(BackendError) in try info(path) }
    }

    private func each<Value>(
        _ paths: [WorkspacePath],
        _ body: (WorkspacePath) throws(BackendError) -> Value
    ) throws(BackendError) -> [Result<Value, BackendError>] {
        try paths.checkFitOneCall()
        try checkNotDestroyed()
        var results: [Result<Value, BackendError>] = []
        for path in paths {
            do throws(BackendError) {
                results.append(.success(try body(path)))
            } catch  where error.code == .backendDestroyed {
                throw error
            } catch {
                results.append(.failure(error))
            }
        }
        return results
    }
}
