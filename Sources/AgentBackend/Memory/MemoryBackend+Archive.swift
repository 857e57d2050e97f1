extension MemoryBackend {
    public func openArchive(
        _ path: WorkspacePath,
        options: ArchiveOptions
    ) async throws(BackendError) -> any ArchiveReader {
        let (file, isDirectory) = try withKey(path) { store, key throws(BackendError) in
            let isDirectory = path.isRoot || store.hasKeys(below: key)
            guard isDirectory || store[key] != nil else { throw Self.notFound(path, in: store, key: key) }
            return (store[key], isDirectory)
        }
        return MemoryArchiveReader(
            backend: self,
            path: path,
            options: options,
            encoder: try ArchiveEncoder(options.compression),
            file: isDirectory ? nil : file
        )
    }

    public func openExtraction(
        into path: WorkspacePath,
        options: ExtractOptions
    ) async throws(BackendError) -> any ArchiveWriter {
        try checkNotDestroyed()
        return MemoryArchiveWriter(backend: self, path: path, options: options)
    }
}
