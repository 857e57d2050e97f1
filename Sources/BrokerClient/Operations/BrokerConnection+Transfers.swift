public import AgentBackend
public import NIOCore

/// Files that are sent and fetched in several goes.
extension BrokerConnection {
    /// SHA-256 of a regular file, or of a range of it; see ``Backend/checksum(_:range:)``.
    public func checksum(
        _ path: WorkspacePath,
        range: ReadRange = .all,
        on target: BrokerTarget,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> FileChecksum {
        try await perform(.checksum(path, range: range), on: target, call: options)
    }

    /// Reads a file to its end, from where `download` is, and compares what came with its checksum. Where it fails,
    /// `download` says how far it came: another connection may go on.
    @discardableResult
    public func download(
        _ path: WorkspacePath,
        _ download: inout Download,
        on target: BrokerTarget,
        call options: BrokerCallOptions = BrokerCallOptions(),
        write: (ByteBuffer) async throws -> Void
    ) async throws -> FileInfo {
        try await download.run(
            path,
            attempts: 1,
            open: { range throws(BackendError) in
                try await openReader(path, range: range, on: target, call: options)
            },
            check: { () throws(BackendError) in try await checksum(path, on: target, call: options) },
            write: write
        )
    }

    /// Sends a file in pieces, and has it take its place where all of it came, by its SHA-256. One of the same name that
    /// was begun before, by whatever connection, goes on where it was.
    ///
    /// One that fails stays where it is for the broker's `limits.upload_idle_timeout`, unless it is aborted, and no longer
    /// than its entry: where nothing else uses that, for `pool.idle_timeout`.
    ///
    /// - Parameters:
    ///   - name: 1 to 128 of `A-Z a-z 0-9 . _ ~ -`: another one for each version of a file.
    ///   - read: The bytes from an offset on; nil at the end.
    @discardableResult
    public func upload(
        _ path: WorkspacePath,
        name: String,
        options: WriteOptions = WriteOptions(),
        on target: BrokerTarget,
        call callOptions: BrokerCallOptions = BrokerCallOptions(),
        read: (UInt64) async throws -> ByteBuffer?
    ) async throws -> FileInfo {
        let upload = BrokerUpload(name: name, path: path, options: options, target: target, callOptions: callOptions)
        return try await upload.run(attempts: 1, by: self, read: read)
    }

    /// Gives up an upload: what came of it is removed. False: there is none of that name.
    @discardableResult
    public func abortUpload(
        _ name: String,
        on target: BrokerTarget,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> Bool {
        try await perform(.uploadAbort(name), on: target, call: options)
    }
}
