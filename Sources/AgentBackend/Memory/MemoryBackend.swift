public import NIOCore
import Synchronization

/// Files in memory, by keys that look like paths. An agent's state: it has no commands and no directories but
/// those that the keys imply, and it is gone with the backend.
///
/// Every operation is short and holds one lock, so that all of them are answered on the spot.
public final class MemoryBackend: Backend, NonBlockingOperations {
    public let type = BackendType.memory

    let storage: MemoryStorage
    /// Above every key of this view. Empty at the top.
    let prefix: WorkspacePath
    /// Most entries that one ``readdir(_:options:)`` returns.
    let maximumReaddirEntries: Int
    /// Of a scope: what it is a view of, and ends with.
    private let parent: MemoryBackend?
    private let isDestroyed = Atomic<Bool>(false)

    /// `wallClock` gives nanoseconds since 1970-01-01 UTC, for modification times.
    public convenience init(
        budget: MemoryBudget = MemoryBudget(allowed: 256 << 20),
        maximumReaddirEntries: Int = 1000,
        wallClock: @escaping @Sendable () -> Int64 = systemWallClock
    ) {
        self.init(
            storage: MemoryStorage(budget: budget, wallClock: wallClock),
            prefix: .root,
            maximumReaddirEntries: maximumReaddirEntries,
            parent: nil
        )
    }

    private init(storage: MemoryStorage, prefix: WorkspacePath, maximumReaddirEntries: Int, parent: MemoryBackend?) {
        self.storage = storage
        self.prefix = prefix
        self.maximumReaddirEntries = maximumReaddirEntries
        self.parent = parent
    }

    public func openReader(_ path: WorkspacePath, range: ReadRange) async throws(BackendError) -> any FileReader {
        let (info, contents) = try read(path, range: range)
        return MemoryFileReader(info: info, contents: contents)
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

    public func readdir(_ path: WorkspacePath, options: ReaddirOptions) async throws(BackendError) -> DirectoryPage {
        try list(path, options: options)
    }

    public func stat(_ path: WorkspacePath, followLink: Bool) async throws(BackendError) -> FileInfo {
        try info(path)
    }

    public func rm(_ path: WorkspacePath, options: RemoveOptions) async throws(BackendError) {
        try remove(path, options: options)
    }

    public func start(_ request: ExecRequest) async throws(BackendError) -> any CommandExecution {
        try checkNotDestroyed()
        throw BackendError(
            .notImplemented,
            message: "a memory backend runs no commands: use a local-filesystem one",
            operation: "exec"
        )
    }

    public func scope(_ path: WorkspacePath) throws(BackendError) -> any Backend {
        try checkNotDestroyed()
        return scoped(path)
    }

    package func scoped(_ path: WorkspacePath) -> MemoryBackend {
        MemoryBackend(
            storage: storage,
            prefix: prefix.appending(path),
            maximumReaddirEntries: maximumReaddirEntries,
            parent: self
        )
    }

    /// Forgets every key and gives their bytes back to the budget. A scope's keys stay: they are its parent's.
    public func destroy() async {
        isDestroyed.store(true, ordering: .relaxed)
        if parent == nil { storage.destroy() }
    }

    /// Throws `BACKEND_DESTROYED` where this view or one that it is a view of was destroyed.
    func checkNotDestroyed() throws(BackendError) {
        guard !isDestroyed.load(ordering: .relaxed) else { throw MemoryStorage.destroyed }
        try parent?.checkNotDestroyed()
    }

    package func tryRead(
        _ path: WorkspacePath,
        range: ReadRange,
        maximum: Int
    ) -> NonBlocking<(FileInfo, ByteBuffer)> {
        let answer = answer { () throws(BackendError) in try read(path, range: range) }
        if case .done((_, let contents)) = answer, contents.readableBytes > maximum { return .wouldBlock }
        return answer
    }

    package func tryStat(_ path: WorkspacePath, followLink: Bool) -> NonBlocking<FileInfo> {
        answer { () throws(BackendError) in try info(path) }
    }

    package func tryWrite(
        _ path: WorkspacePath,
        _ bytes: ByteBuffer,
        options: WriteOptions
    ) -> NonBlocking<FileInfo> {
        answer { () throws(BackendError) in try put(path, bytes, options: options) }
    }

    package func tryReaddir(_ path: WorkspacePath, options: ReaddirOptions) -> NonBlocking<DirectoryPage> {
        answer { () throws(BackendError) in try list(path, options: options) }
    }

    package func tryRemove(_ path: WorkspacePath, options: RemoveOptions) -> NonBlocking<Void> {
        answer { () throws(BackendError) in try remove(path, options: options) }
    }

    private func answer<Value: Sendable>(_ body: () throws(BackendError) -> Value) -> NonBlocking<Value> {
        do throws(BackendError) {
            return .done(try body())
        } catch {
            return .failed(error)
        }
    }
}
