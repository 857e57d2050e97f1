public import AgentBackend
internal import BrokerWire
public import NIOCore

extension RemoteFilesystemBackend {
    public func openReader(_ path: WorkspacePath, range: ReadRange) async throws(BackendError) -> any FileReader {
        try checkNotDestroyed()
        guard range.length == 0 else {
            return try await BrokerFileReader.open(path, range, on: target, options, of: connection)
        }
        // The wire knows no range of no bytes.
        var range = range
        range.length = 1
        let reader = try await BrokerFileReader.open(path, range, on: target, options, of: connection)
        await reader.close()
        return EmptyFileReader(info: reader.info)
    }

    public func checksum(_ path: WorkspacePath, range: ReadRange) async throws(BackendError) -> FileChecksum {
        guard range.length == 0 else { return try await perform(.checksum(path, range: range)) }
        // The wire knows no range of no bytes.
        var one = range
        one.length = 1
        let info = try await perform(.checksum(path, range: one)).info
        return FileChecksum(info: info, sha256: RunningChecksum().sha256, bytes: 0)
    }

    public func readLines(_ path: WorkspacePath, window: LineWindow) async throws(BackendError) -> LinePage {
        guard window.limit == 0 else { return try await perform(.readLines(path, window: window)) }
        // The wire knows no window of no lines.
        var page = try await perform(.readLines(path, window: LineWindow(offset: window.offset, limit: 1)))
        (page.text, page.lines, page.isTruncated) = ([], 0, false)
        return page
    }

    public func readMany(
        _ paths: [WorkspacePath],
        options: ReadManyOptions
    ) async throws(BackendError) -> [Result<FileContents, BackendError>] {
        try await perform(.readMany(paths, options: options))
    }

    public func statMany(
        _ paths: [WorkspacePath],
        followLink: Bool
    ) async throws(BackendError) -> [Result<FileInfo, BackendError>] {
        try await perform(.statMany(paths, followLink: followLink))
    }

    /// Does not wait: what keeps the file from being written is told by a later step.
    public func openWriter(_ path: WorkspacePath, options: WriteOptions) async throws(BackendError) -> any FileWriter {
        try checkNotDestroyed()
        let call = try connection.start(.upload(path, options: options, on: target, self.options))
        return RemoteWriter(call, UnaryCall.written)
    }

    @discardableResult
    public func write(
        _ path: WorkspacePath,
        _ bytes: ByteBuffer,
        options: WriteOptions
    ) async throws(BackendError) -> FileInfo {
        try await perform(.write(path, bytes, options: options))
    }

    @discardableResult
    public func edit(
        _ path: WorkspacePath,
        _ edits: [TextEdit],
        options: EditOptions
    ) async throws(BackendError) -> EditResult {
        try await perform(.edit(path, edits, options: options))
    }

    public func readdir(_ path: WorkspacePath, options: ReaddirOptions) async throws(BackendError) -> DirectoryPage {
        try await perform(.readdir(path, options: options))
    }

    public func glob(_ pattern: GlobPattern, options: GlobOptions) async throws(BackendError) -> FilePage {
        try await perform(.glob(pattern, options: options))
    }

    public func tree(_ options: TreeOptions) async throws(BackendError) -> FilePage {
        try await perform(.tree(options))
    }

    public func watch(_ options: WatchOptions) async throws(BackendError) -> FileWatch {
        try checkNotDestroyed()
        return FileWatch(try await RemoteWatch(try connection.start(.watch(options, on: target, self.options))))
    }

    public func grep(_ pattern: GrepPattern, options: GrepOptions) async throws(BackendError) -> GrepPage {
        try await perform(.grep(pattern, options: options))
    }

    public func diskUsage(
        _ path: WorkspacePath,
        options: DiskUsageOptions
    ) async throws(BackendError) -> DiskUsage {
        try await perform(.diskUsage(path, options: options))
    }

    public func openArchive(
        _ path: WorkspacePath,
        options: ArchiveOptions
    ) async throws(BackendError) -> any ArchiveReader {
        try checkNotDestroyed()
        return try await BrokerArchiveReader.open(path, options, on: target, self.options, of: connection)
    }

    /// Does not wait: what keeps the archive from being extracted is told by a later step.
    public func openExtraction(
        into path: WorkspacePath,
        options: ExtractOptions
    ) async throws(BackendError) -> any ArchiveWriter {
        try checkNotDestroyed()
        let call = try connection.start(.extraction(into: path, options: options, on: target, self.options))
        return RemoteWriter(call, UnaryCall.extracted)
    }

    public func stat(_ path: WorkspacePath, followLink: Bool) async throws(BackendError) -> FileInfo {
        try await perform(.stat(path, followLink: followLink))
    }

    public func exists(_ path: WorkspacePath) async throws(BackendError) -> Bool {
        try await perform(.exists(path))
    }

    public func mkdir(_ path: WorkspacePath, options: MkdirOptions) async throws(BackendError) {
        try await perform(.mkdir(path, options: options))
    }

    @discardableResult
    public func touch(_ path: WorkspacePath) async throws(BackendError) -> FileInfo {
        try await perform(.touch(path))
    }

    @discardableResult
    public func chmod(_ path: WorkspacePath, permissions: UInt32) async throws(BackendError) -> FileInfo {
        try await perform(.chmod(path, permissions: permissions))
    }

    public func symlink(_ path: WorkspacePath, to target: LinkTarget) async throws(BackendError) {
        try await perform(.symlink(path, to: target))
    }

    public func rename(
        _ path: WorkspacePath,
        to destination: WorkspacePath,
        options: RenameOptions
    ) async throws(BackendError) {
        try await perform(.rename(path, to: destination, options: options))
    }

    @discardableResult
    public func copy(
        _ path: WorkspacePath,
        to destination: WorkspacePath,
        options: CopyOptions
    ) async throws(BackendError) -> CopyResult {
        try await perform(.copy(path, to: destination, options: options))
    }

    public func rm(_ path: WorkspacePath, options: RemoveOptions) async throws(BackendError) {
        try await perform(.rm(path, options: options))
    }

    public func listKeys(prefix: [UInt8], options: ListKeysOptions) async throws(BackendError) -> KeyPage {
        try await perform(.listKeys(prefix: prefix, options: options))
    }

    @discardableResult
    public func deleteKey(_ key: WorkspacePath) async throws(BackendError) -> Bool {
        try await perform(.deleteKey(key))
    }

    @discardableResult
    public func clearKeys() async throws(BackendError) -> Int {
        try await perform(.clearKeys)
    }

    func perform<Value>(_ call: UnaryCall<Value>) async throws(BackendError) -> Value {
        try checkNotDestroyed()
        return try await connection.perform(call, on: target, call: options)
    }
}

/// A file of which nothing is to be read.
private struct EmptyFileReader: FileReader {
    let info: FileInfo

    func read(upTo count: Int) async throws(BackendError) -> ByteBuffer? { nil }

    func close() async {}
}
