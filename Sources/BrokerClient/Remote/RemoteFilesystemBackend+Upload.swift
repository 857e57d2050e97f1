public import AgentBackend
public import NIOCore

/// Files that are sent in several goes.
extension RemoteFilesystemBackend {
    /// Sends a file in pieces, and has it take its place where all of it came, by its SHA-256. A connection that is lost
    /// is waited for, up to `attempts` times without another byte; see
    /// ``BrokerConnection/upload(_:name:options:on:call:read:)``.
    @discardableResult
    public func upload(
        _ path: WorkspacePath,
        name: String,
        options: WriteOptions = WriteOptions(),
        attempts: Int = 5,
        read: (UInt64) async throws -> ByteBuffer?
    ) async throws -> FileInfo {
        try checkNotDestroyed()
        let upload = BrokerUpload(name: name, path: path, options: options, target: target, callOptions: self.options)
        return try await upload.run(attempts: attempts, by: connection, read: read)
    }

    /// Gives up an upload: what came of it is removed. False: there is none of that name.
    @discardableResult
    public func abortUpload(_ name: String) async throws(BackendError) -> Bool {
        try await perform(.uploadAbort(name))
    }
}
