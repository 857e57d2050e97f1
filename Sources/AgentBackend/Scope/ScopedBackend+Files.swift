public import NIOCore
import Synchronization

// Each is the view's own operation, logged. A view that was destroyed refuses it.
extension ScopedBackend {
    public func openReader(_ path: WorkspacePath, range: ReadRange) async throws(BackendError) -> any FileReader {
        try await log.record(
            .read,
            subject: path.bytes,
            bytes: { range.span(ofFileWith: $0.info.size).count }
        ) { () async throws(BackendError) in
            try await view.openReader(path, range: range)
        }
    }

    public func readLines(_ path: WorkspacePath, window: LineWindow) async throws(BackendError) -> LinePage {
        try await log.record(.readLines, subject: path.bytes, bytes: { UInt64($0.text.count) }) {
            () async throws(BackendError) in
            try await view.readLines(path, window: window)
        }
    }

    public func readMany(
        _ paths: [WorkspacePath],
        options: ReadManyOptions
    ) async throws(BackendError) -> [Result<FileContents, BackendError>] {
        try await log.record(
            .readMany,
            subject: paths.map(\.bytes).listedPaths,
            bytes: { $0.reduce(0) { $0 + UInt64((try? $1.get().bytes.readableBytes) ?? 0) } }
        ) { () async throws(BackendError) in
            try await view.readMany(paths, options: options)
        }
    }

    /// Logged when it is committed, or fails to be, or where there is no writer at all.
    public func openWriter(_ path: WorkspacePath, options: WriteOptions) async throws(BackendError) -> any FileWriter {
        let writer = try await log.record(.write, subject: path.bytes, failureOnly: true) {
            () async throws(BackendError) in
            try await view.openWriter(path, options: options)
        }
        return LoggedFileWriter(writer, path: path, log: log)
    }

    @discardableResult
    public func write(
        _ path: WorkspacePath,
        _ bytes: ByteBuffer,
        options: WriteOptions
    ) async throws(BackendError) -> FileInfo {
        let count = UInt64(bytes.readableBytes)
        return try await log.record(.write, subject: path.bytes, bytes: { _ in count }) {
            () async throws(BackendError) in
            try await view.write(path, bytes, options: options)
        }
    }

    @discardableResult
    public func edit(
        _ path: WorkspacePath,
        _ edits: [TextEdit],
        options: EditOptions
    ) async throws(BackendError) -> EditResult {
        try await log.record(.edit, subject: path.bytes, bytes: \.info.size) { () async throws(BackendError) in
            try await view.edit(path, edits, options: options)
        }
    }

    public func readdir(_ path: WorkspacePath, options: ReaddirOptions) async throws(BackendError) -> DirectoryPage {
        try await log.record(.readdir, subject: path.bytes) { () async throws(BackendError) in
            try await view.readdir(path, options: options)
        }
    }

    public func glob(_ pattern: GlobPattern, options: GlobOptions) async throws(BackendError) -> FilePage {
        try await log.record(.glob, subject: options.path.bytes + [UInt8(ascii: " ")] + pattern.bytes) {
            () async throws(BackendError) in
            try await view.glob(pattern, options: options)
        }
    }

    public func tree(_ options: TreeOptions) async throws(BackendError) -> FilePage {
        try await log.record(.tree, subject: options.path.bytes) { () async throws(BackendError) in
            try await view.tree(options)
        }
    }

    public func grep(_ pattern: GrepPattern, options: GrepOptions) async throws(BackendError) -> GrepPage {
        try await log.record(.grep, subject: options.path.bytes + [UInt8(ascii: " ")] + pattern.bytes) {
            () async throws(BackendError) in
            try await view.grep(pattern, options: options)
        }
    }

    public func diskUsage(
        _ path: WorkspacePath,
        options: DiskUsageOptions
    ) async throws(BackendError) -> DiskUsage {
        try await log.record(.diskUsage, subject: path.bytes) { () async throws(BackendError) in
            try await view.diskUsage(path, options: options)
        }
    }

    public func checksum(_ path: WorkspacePath, range: ReadRange) async throws(BackendError) -> FileChecksum {
        try await log.record(.checksum, subject: path.bytes, bytes: \.bytes) { () async throws(BackendError) in
            try await view.checksum(path, range: range)
        }
    }

    /// Logged when it is begun: how long it gets its reader decides.
    public func openArchive(
        _ path: WorkspacePath,
        options: ArchiveOptions
    ) async throws(BackendError) -> any ArchiveReader {
        try await log.record(.archive, subject: path.bytes) { () async throws(BackendError) in
            try await view.openArchive(path, options: options)
        }
    }

    /// Logged when it is extracted, or fails to be, or cannot be begun.
    public func openExtraction(
        into path: WorkspacePath,
        options: ExtractOptions
    ) async throws(BackendError) -> any ArchiveWriter {
        let writer = try await log.record(.extract, subject: path.bytes, failureOnly: true) {
            () async throws(BackendError) in
            try await view.openExtraction(into: path, options: options)
        }
        return LoggedArchiveWriter(writer: writer, path: path, log: log)
    }

    /// Logged when it begins, or fails to.
    public func watch(_ options: WatchOptions) async throws(BackendError) -> FileWatch {
        try await log.record(.watch, subject: options.path.bytes) { () async throws(BackendError) in
            try await view.watch(options)
        }
    }

    public func stat(_ path: WorkspacePath, followLink: Bool) async throws(BackendError) -> FileInfo {
        try await log.record(.stat, subject: path.bytes) { () async throws(BackendError) in
            try await view.stat(path, followLink: followLink)
        }
    }

    public func statMany(
        _ paths: [WorkspacePath],
        followLink: Bool
    ) async throws(BackendError) -> [Result<FileInfo, BackendError>] {
        try await log.record(.statMany, subject: paths.map(\.bytes).listedPaths) { () async throws(BackendError) in
            try await view.statMany(paths, followLink: followLink)
        }
    }

    public func exists(_ path: WorkspacePath) async throws(BackendError) -> Bool {
        try await log.record(.exists, subject: path.bytes) { () async throws(BackendError) in
            try await view.exists(path)
        }
    }

    public func mkdir(_ path: WorkspacePath, options: MkdirOptions) async throws(BackendError) {
        try await log.record(.mkdir, subject: path.bytes) { () async throws(BackendError) in
            try await view.mkdir(path, options: options)
        }
    }

    @discardableResult
    public func touch(_ path: WorkspacePath) async throws(BackendError) -> FileInfo {
        try await log.record(.touch, subject: path.bytes) { () async throws(BackendError) in
            try await view.touch(path)
        }
    }

    @discardableResult
    public func chmod(_ path: WorkspacePath, permissions: UInt32) async throws(BackendError) -> FileInfo {
        try await log.record(.chmod, subject: path.bytes) { () async throws(BackendError) in
            try await view.chmod(path, permissions: permissions)
        }
    }

    public func symlink(_ path: WorkspacePath, to target: LinkTarget) async throws(BackendError) {
        try await log.record(.symlink, subject: path.bytes + Array(" -> ".utf8) + target.bytes) {
            () async throws(BackendError) in
            try await view.symlink(path, to: target)
        }
    }

    public func rename(
        _ path: WorkspacePath,
        to destination: WorkspacePath,
        options: RenameOptions
    ) async throws(BackendError) {
        try await log.record(.rename, subject: path.arrow(to: destination)) { () async throws(BackendError) in
            try await view.rename(path, to: destination, options: options)
        }
    }

    @discardableResult
    public func copy(
        _ path: WorkspacePath,
        to destination: WorkspacePath,
        options: CopyOptions
    ) async throws(BackendError) -> CopyResult {
        try await log.record(.copy, subject: path.arrow(to: destination), bytes: \.bytes) {
            () async throws(BackendError) in
            try await view.copy(path, to: destination, options: options)
        }
    }

    public func rm(_ path: WorkspacePath, options: RemoveOptions) async throws(BackendError) {
        try await log.record(.rm, subject: path.bytes) { () async throws(BackendError) in
            try await view.rm(path, options: options)
        }
    }

    public func listKeys(
        prefix: [UInt8],
        options: ListKeysOptions
    ) async throws(BackendError) -> KeyPage {
        try await log.record(.listKeys, subject: prefix) { () async throws(BackendError) in
            try await view.listKeys(prefix: prefix, options: options)
        }
    }

    @discardableResult
    public func deleteKey(_ key: WorkspacePath) async throws(BackendError) -> Bool {
        try await log.record(.deleteKey, subject: key.bytes) { () async throws(BackendError) in
            try await view.deleteKey(key)
        }
    }

    @discardableResult
    public func clearKeys() async throws(BackendError) -> Int {
        try await log.record(.clearKeys, subject: []) { () async throws(BackendError) in try await view.clearKeys() }
    }
}

extension WorkspacePath {
    /// For a log: where something comes from and where it goes.
    package func arrow(to destination: WorkspacePath) -> [UInt8] {
        bytes + Array(" -> ".utf8) + destination.bytes
    }
}

/// Logs a file when it is committed.
private final class LoggedFileWriter: FileWriter {
    private let writer: any FileWriter
    private let path: WorkspacePath
    private let log: ScopeLog
    private let count = Atomic<UInt64>(0)

    init(_ writer: any FileWriter, path: WorkspacePath, log: ScopeLog) {
        self.writer = writer
        self.path = path
        self.log = log
    }

    func write(_ bytes: ByteBuffer) async throws(BackendError) {
        try await writer.write(bytes)
        count.add(UInt64(bytes.readableBytes), ordering: .relaxed)
    }

    func commit() async throws(BackendError) -> FileInfo {
        try await log.record(.write, subject: path.bytes, bytes: { _ in count.load(ordering: .relaxed) }) {
            () async throws(BackendError) in
            try await writer.commit()
        }
    }

    func abort() async {
        await writer.abort()
    }
}

private struct LoggedArchiveWriter: ArchiveWriter {
    let writer: any ArchiveWriter
    let path: WorkspacePath
    let log: ScopeLog

    func write(_ bytes: ByteBuffer) async throws(BackendError) {
        try await writer.write(bytes)
    }

    func commit() async throws(BackendError) -> ExtractResult {
        try await log.record(.extract, subject: path.bytes, bytes: \.bytes) { () async throws(BackendError) in
            try await writer.commit()
        }
    }

    func abort() async {
        await writer.abort()
    }
}
