public import AgentBackend
public import NIOCore

extension BrokerConnection {
    /// The whole file, or a range of it, in memory. More than `maximum` bytes: `READ_FAILED` with reason `TOO_LARGE`;
    /// use ``openReader(_:range:on:call:)`` for those.
    public func read(
        _ path: WorkspacePath,
        range: ReadRange = .all,
        maximum: Int = 64 << 20,
        on target: BrokerTarget,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> ByteBuffer {
        let reader = try await openReader(path, range: range, on: target, call: options)
        return try await reader.collect(maximum: maximum)
    }

    /// Opens a file to be read from front to back in pieces. Returns when its first bytes are here. A reader that is
    /// let go before the end cancels the call.
    public func openReader(
        _ path: WorkspacePath,
        range: ReadRange = .all,
        on target: BrokerTarget,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> BrokerFileReader {
        try await BrokerFileReader.open(path, range, on: target, options, of: self)
    }

    /// Some lines of a file, and how many it has. Throws `READ_FAILED` with a reason.
    public func readLines(
        _ path: WorkspacePath,
        window: LineWindow = LineWindow(),
        on target: BrokerTarget,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> LinePage {
        try await perform(.readLines(path, window: window), on: target, call: options)
    }

    /// At most 1000 files from their start on, 768 KiB of them in all, each with what it would be answered with alone, in
    /// the order of the paths. Throws what is about no single file, and `INVALID_ARGUMENT` for more than ``ManyFiles``
    /// allows.
    public func readMany(
        _ paths: [WorkspacePath],
        options: ReadManyOptions = ReadManyOptions(),
        on target: BrokerTarget,
        call callOptions: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> [Result<FileContents, BackendError>] {
        try await perform(.readMany(paths, options: options), on: target, call: callOptions)
    }

    /// What is at each of at most 1000 paths, as ``stat(_:followLink:on:call:)`` has it, in their order. Throws as
    /// ``readMany(_:options:on:call:)``.
    public func statMany(
        _ paths: [WorkspacePath],
        followLink: Bool = true,
        on target: BrokerTarget,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> [Result<FileInfo, BackendError>] {
        try await perform(.statMany(paths, followLink: followLink), on: target, call: options)
    }

    /// Writes a file from memory; makes its parents. Throws `WRITE_FAILED` with a reason; the file is then as before.
    @discardableResult
    public func write(
        _ path: WorkspacePath,
        _ bytes: ByteBuffer,
        options: WriteOptions = WriteOptions(),
        on target: BrokerTarget,
        call callOptions: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> FileInfo {
        try await perform(.write(path, bytes, options: options), on: target, call: callOptions)
    }

    /// Names in a directory, sorted as bytes, at most the broker's limit of them. Throws `LS_FAILED` with a reason.
    public func readdir(
        _ path: WorkspacePath,
        options: ReaddirOptions = ReaddirOptions(),
        on target: BrokerTarget,
        call callOptions: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> DirectoryPage {
        try await perform(.readdir(path, options: options), on: target, call: callOptions)
    }

    /// All entries of a directory, a page at a time as they are asked for.
    public func entries(
        of path: WorkspacePath,
        withDetails: Bool = false,
        on target: BrokerTarget,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) -> DirectoryEntries {
        DirectoryEntries(connection: self, path: path, withDetails: withDetails, target: target, options: options)
    }

    /// What is at a path. `followLink` false tells of a final symbolic link itself.
    public func stat(
        _ path: WorkspacePath,
        followLink: Bool = true,
        on target: BrokerTarget,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> FileInfo {
        try await perform(.stat(path, followLink: followLink), on: target, call: options)
    }

    /// Removes a file, a symbolic link (never what it points to) or a directory.
    public func rm(
        _ path: WorkspacePath,
        options: RemoveOptions = RemoveOptions(),
        on target: BrokerTarget,
        call callOptions: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) {
        try await perform(.rm(path, options: options), on: target, call: callOptions)
    }
}
