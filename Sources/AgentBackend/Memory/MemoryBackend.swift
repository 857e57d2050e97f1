public import NIOCore
import Synchronization

/// Files in memory, by keys that look like paths. An agent's state: it has no commands and no directories but
/// those that the keys imply, and it is gone with the backend.
///
/// Every operation holds one lock, and most are short and answered on the spot. Those on very many keys are not made on
/// the caller's executor.
public final class MemoryBackend: ConfinableBackend {
    public let type = BackendType.memory

    let storage: MemoryStorage
    /// Above every key of this view. Empty at the top.
    let prefix: WorkspacePath
    /// Most entries that one ``readdir(_:options:)`` returns.
    let maximumReaddirEntries: Int
    let archiveLimits: ArchiveLimits
    let callLimits: FileCallLimits
    package let lifecycle: BackendLifecycle
    let watchShare: WatchShare
    /// Of a view: what it is a view of, and ends with.
    private let parent: MemoryBackend?
    private let isDestroyed = Atomic<Bool>(false)

    /// `maximumFileBytes`: what one key may hold; never more than 1 GiB. `wallClock` gives nanoseconds since 1970-01-01
    /// UTC, for modification times.
    public convenience init(
        budget: MemoryBudget = MemoryBudget(allowed: 256 << 20),
        maximumReaddirEntries: Int = 1000,
        maximumFileBytes: UInt64 = 1 << 30,
        archiveLimits: ArchiveLimits = ArchiveLimits(),
        callLimits: FileCallLimits = FileCallLimits(),
        wallClock: @escaping @Sendable () -> Int64 = systemWallClock
    ) {
        self.init(
            budget: budget,
            maximumReaddirEntries: maximumReaddirEntries,
            maximumFileBytes: maximumFileBytes,
            fileSizeLimit: nil,
            archiveLimits: archiveLimits,
            callLimits: callLimits,
            watchShare: WatchShare(),
            wallClock: wallClock
        )
    }

    /// As the other one, with limits on what a key may hold and on watches that may change.
    package convenience init(
        budget: MemoryBudget,
        maximumReaddirEntries: Int,
        maximumFileBytes: UInt64,
        fileSizeLimit: ByteLimit?,
        archiveLimits: ArchiveLimits = ArchiveLimits(),
        callLimits: FileCallLimits = FileCallLimits(),
        watchShare: WatchShare,
        wallClock: @escaping @Sendable () -> Int64 = systemWallClock
    ) {
        self.init(
            storage: MemoryStorage(
                budget: budget,
                maximumFileBytes: maximumFileBytes,
                fileSizeLimit: fileSizeLimit,
                wallClock: wallClock
            ),
            prefix: .root,
            maximumReaddirEntries: maximumReaddirEntries,
            archiveLimits: archiveLimits,
            callLimits: callLimits,
            lifecycle: BackendLifecycle(wallClock: wallClock),
            watchShare: watchShare
        )
    }

    private init(
        storage: MemoryStorage,
        prefix: WorkspacePath,
        maximumReaddirEntries: Int,
        archiveLimits: ArchiveLimits,
        callLimits: FileCallLimits,
        lifecycle: BackendLifecycle,
        watchShare: WatchShare,
        parent: MemoryBackend? = nil
    ) {
        self.storage = storage
        self.prefix = prefix
        self.maximumReaddirEntries = maximumReaddirEntries
        self.archiveLimits = archiveLimits
        self.callLimits = callLimits
        self.lifecycle = lifecycle
        self.watchShare = watchShare
        self.parent = parent
    }

    public func openReader(_ path: WorkspacePath, range: ReadRange) async throws(BackendError) -> any FileReader {
        let (info, contents) = try read(path, range: range)
        return MemoryFileReader(info: info, contents: contents)
    }

    public func readLines(_ path: WorkspacePath, window: LineWindow) async throws(BackendError) -> LinePage {
        try await readLinesByReading(path, window: window, maximumBytes: callLimits.maximumWindowBytes)
    }

    public func checksum(_ path: WorkspacePath, range: ReadRange) async throws(BackendError) -> FileChecksum {
        try await checksumByReading(path, range: range)
    }

    public func openWriter(_ path: WorkspacePath, options: WriteOptions) async throws(BackendError) -> any FileWriter {
        try checkNotDestroyed()
        return MemoryFileWriter(backend: self, path: path, options: options)
    }

    @discardableResult
    public func write(
        _ path: WorkspacePath,
        _ bytes: ByteBuffer,
        options: WriteOptions
    ) async throws(BackendError) -> FileInfo {
        try put(path, bytes, options: options)
    }

    @discardableResult
    public func edit(
        _ path: WorkspacePath,
        _ edits: [TextEdit],
        options: EditOptions
    ) async throws(BackendError) -> EditResult {
        try await editByRewriting(path, edits, options: options, callLimits)
    }

    public func readdir(_ path: WorkspacePath, options: ReaddirOptions) async throws(BackendError) -> DirectoryPage {
        try list(path, options: options)
    }

    public func watch(_ options: WatchOptions) async throws(BackendError) -> FileWatch {
        FileWatch(try MemoryWatch(options, of: self))
    }

    public func stat(_ path: WorkspacePath, followLink: Bool) async throws(BackendError) -> FileInfo {
        try info(path)
    }

    public func rm(_ path: WorkspacePath, options: RemoveOptions) async throws(BackendError) {
        try await tryRemove(path, options: options).orElsewhere { () throws(BackendError) in
            try remove(path, options: options)
        }
    }

    /// Keys imply directories: there is nothing to do.
    public func mkdir(_ path: WorkspacePath, options: MkdirOptions) async throws(BackendError) {
        try checkNotDestroyed()
    }

    @discardableResult
    public func touch(_ path: WorkspacePath) async throws(BackendError) -> FileInfo {
        try touchKey(path)
    }

    @discardableResult
    public func chmod(_ path: WorkspacePath, permissions: UInt32) async throws(BackendError) -> FileInfo {
        try changePermissions(path, to: permissions)
    }

    public func symlink(_ path: WorkspacePath, to target: LinkTarget) async throws(BackendError) {
        try checkNotDestroyed()
        throw BackendError(
            .notImplemented,
            message: "a memory backend has no symbolic links: copy the key, or use a local-filesystem backend",
            operation: "symlink"
        )
    }

    public func rename(
        _ path: WorkspacePath,
        to destination: WorkspacePath,
        options: RenameOptions
    ) async throws(BackendError) {
        try await tryRename(path, to: destination, options: options).orElsewhere { () throws(BackendError) in
            try move(path, to: destination, options: options)
        }
    }

    @discardableResult
    public func copy(
        _ path: WorkspacePath,
        to destination: WorkspacePath,
        options: CopyOptions
    ) async throws(BackendError) -> CopyResult {
        try await tryCopy(path, to: destination, options: options).orElsewhere { () throws(BackendError) in
            try duplicate(path, to: destination, options: options)
        }
    }

    public func listKeys(prefix: [UInt8], options: ListKeysOptions) async throws(BackendError) -> KeyPage {
        try keyPage(prefix, options: options)
    }

    @discardableResult
    public func deleteKey(_ key: WorkspacePath) async throws(BackendError) -> Bool {
        try removeKey(key)
    }

    @discardableResult
    public func clearKeys() async throws(BackendError) -> Int {
        try await tryClearKeys().orElsewhere { () throws(BackendError) in try removeKeys() }
    }

    public func start(_ request: ExecRequest) async throws(BackendError) -> any CommandExecution {
        try checkNotDestroyed()
        throw BackendError(
            .notImplemented,
            message: "a memory backend runs no commands: use a local-filesystem one",
            operation: "exec"
        )
    }

    public var status: BackendStatus { lifecycle.status }

    /// Bytes that its keys and their contents take of the budget, those of all its scopes.
    package var heldBytes: UInt64 { storage.heldBytes }

    public func statusChanges() -> AsyncStream<BackendStatusChange> { lifecycle.statusChanges() }

    public func trackCloseable(_ closeable: any BackendCloseable) async {
        await lifecycle.track(closeable)
    }

    public func scope(
        _ path: WorkspacePath,
        configuration: ScopeConfiguration
    ) throws(BackendError) -> any Backend {
        try makeScope(path, configuration)
    }

    public func listActiveScopes() -> [WorkspacePath] { lifecycle.activeScopes() }

    package func confined(to path: WorkspacePath) -> any ConfinableBackend { scoped(path) }

    package func scoped(_ path: WorkspacePath) -> MemoryBackend {
        MemoryBackend(
            storage: storage,
            prefix: prefix.appending(path),
            maximumReaddirEntries: maximumReaddirEntries,
            archiveLimits: archiveLimits,
            callLimits: callLimits,
            lifecycle: lifecycle,
            watchShare: watchShare,
            parent: self
        )
    }

    /// Forgets every key and gives their bytes back to the budget.
    public func destroy() async {
        guard parent == nil else {
            isDestroyed.store(true, ordering: .relaxed)
            return watchShare.endOrphans()
        }
        await lifecycle.destroy {
            isDestroyed.store(true, ordering: .relaxed)
            watchShare.endOrphans()
            storage.destroy()
        }
    }

    /// Throws `BACKEND_DESTROYED` where this view or one that it is a view of was destroyed.
    func checkNotDestroyed() throws(BackendError) {
        guard !isDestroyed.load(ordering: .relaxed) else { throw MemoryStorage.destroyed }
        try parent?.checkNotDestroyed()
    }
}
