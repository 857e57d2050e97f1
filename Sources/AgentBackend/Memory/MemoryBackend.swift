package import NIOCore
import Synchronization

/// Files in memory, by keys that look like paths. An agent's state: it has no commands and no directories but
/// those that the keys imply, and it is gone with the backend.
///
/// Every operation is short and holds one lock, so that all of them are answered on the spot.
public final class MemoryBackend: Backend, NonBlockingOperations {
    public let type = BackendType.memory

    private let storage: Storage
    /// Above every key of this view. Empty at the top.
    private let prefix: WorkspacePath
    private let isScope: Bool

    /// `wallClock` gives nanoseconds since 1970-01-01 UTC, for modification times.
    public convenience init(
        budget: MemoryBudget = MemoryBudget(allowed: 256 << 20),
        wallClock: @escaping @Sendable () -> Int64 = systemWallClock
    ) {
        self.init(storage: Storage(budget: budget, wallClock: wallClock), prefix: .root, isScope: false)
    }

    private init(storage: Storage, prefix: WorkspacePath, isScope: Bool) {
        self.storage = storage
        self.prefix = prefix
        self.isScope = isScope
    }

    public func openReader(_ path: WorkspacePath, range: ReadRange) async throws(BackendError) -> any FileReader {
        let (info, contents) = try read(path, range: range)
        return MemoryFileReader(info: info, contents: contents)
    }

    public func openWriter(_ path: WorkspacePath, options: WriteOptions) async throws(BackendError) -> any FileWriter {
        try storage.withStore { _ throws(BackendError) in }
        return MemoryFileWriter(backend: self, budget: storage.budget, path: path, options: options)
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
        throw BackendError(
            .notImplemented,
            message: "a memory backend runs no commands: use a local-filesystem one",
            operation: "exec"
        )
    }

    public func scope(_ path: WorkspacePath) throws(BackendError) -> any Backend { scoped(path) }

    package func scoped(_ path: WorkspacePath) -> MemoryBackend {
        MemoryBackend(storage: storage, prefix: prefix.appending(path), isScope: true)
    }

    /// Forgets every key and gives their bytes back to the budget. Of a scope: nothing, its keys are its parent's.
    public func destroy() async {
        guard !isScope else { return }
        storage.destroy()
    }

    package func tryRead(
        _ path: WorkspacePath,
        range: ReadRange,
        maximum: Int
    ) -> NonBlocking<(FileInfo, ByteBuffer)> {
        answer { () throws(BackendError) in try read(path, range: range) }
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

extension MemoryBackend {
    private func read(_ path: WorkspacePath, range: ReadRange) throws(BackendError) -> (FileInfo, ByteBuffer) {
        let key = prefix.appending(path).bytes
        return try storage.withStore { store throws(BackendError) in
            guard let file = store[key] else { throw Self.notFound(path, in: store, key: key) }
            let size = file.contents.readableBytes
            let start = Int(min(range.offset, UInt64(size)))
            let length = Int(min(range.length ?? .max, UInt64(size - start)))
            let first = file.contents.readerIndex + start
            return (file.info, file.contents.getSlice(at: first, length: length) ?? ByteBuffer())
        }
    }

    private func info(_ path: WorkspacePath) throws(BackendError) -> FileInfo {
        let key = prefix.appending(path).bytes
        return try storage.withStore { store throws(BackendError) in
            if let info = store.info(at: key) { return info }
            // A scope's root is there as soon as the scope is.
            guard path.isRoot else { throw Self.notFound(path, in: store, key: key) }
            return FileInfo(kind: .directory, size: 0, modifiedNanoseconds: 0, permissions: 0o755)
        }
    }

    func put(
        _ path: WorkspacePath,
        _ bytes: ByteBuffer,
        options: WriteOptions
    ) throws(BackendError) -> FileInfo {
        guard !path.isRoot else {
            throw BackendError(.writeFailed, reason: .isDirectory, message: "\(path) is the root: name a file below it")
        }
        let key = prefix.appending(path).bytes
        return try storage.withStore { store throws(BackendError) in
            let old = store[key]
            if options.mode == .createOnly, old != nil {
                throw BackendError(
                    .writeFailed,
                    reason: .exists,
                    message: "\(path) is there already: replace it, or choose another name"
                )
            }
            let kept = options.mode == .append ? old?.contents : nil
            let newCount = (kept?.readableBytes ?? 0) + bytes.readableBytes
            try storage.budget.change(from: old?.contents.readableBytes ?? 0, to: newCount)
            // Copied: a slice of what the network gave would keep all of that alive.
            var contents = ByteBufferAllocator().buffer(capacity: newCount)
            if let kept { contents.writeImmutableBuffer(kept) }
            contents.writeImmutableBuffer(bytes)
            let file = MemoryStore.File(
                contents: contents,
                modifiedNanoseconds: storage.wallClock(),
                permissions: old?.permissions ?? options.permissions & 0o7777
            )
            store.set(key, to: file)
            return file.info
        }
    }

    private func list(_ path: WorkspacePath, options: ReaddirOptions) throws(BackendError) -> DirectoryPage {
        let key = prefix.appending(path).bytes
        return try storage.withStore { store throws(BackendError) in
            let names = store.names(in: key)
            guard !names.isEmpty || path.isRoot else {
                let isFile = store[key] != nil
                throw BackendError(
                    .lsFailed,
                    reason: isFile ? .notDirectory : .notFound,
                    message: isFile ? "\(path) is a key, with nothing below it" : "no key begins with \(path)/"
                )
            }
            var rest = names[...]
            if !options.after.isEmpty {
                rest = rest.drop { !options.after.lexicographicallyPrecedes($0) }
            }
            let page = rest.prefix(max(options.limit, 0))
            let entries = page.map { name in
                let below = key.isEmpty ? name : key + [UInt8(ascii: "/")] + name
                return DirectoryEntry(name: name, info: options.withDetails ? store.info(at: below) : nil)
            }
            return DirectoryPage(entries: entries, isTruncated: page.count < rest.count)
        }
    }

    private func remove(_ path: WorkspacePath, options: RemoveOptions) throws(BackendError) {
        let key = prefix.appending(path).bytes
        try storage.withStore { store throws(BackendError) in
            if !options.recursive, store[key] == nil, !store.keys(below: key).isEmpty {
                throw BackendError(
                    .writeFailed,
                    reason: .notEmpty,
                    message: "keys lie below \(path): remove it recursively, or those first"
                )
            }
            let before = store.byteCount
            let removed = store.remove(key, below: options.recursive)
            storage.budget.release(before - store.byteCount)
            if removed == 0, !options.force, !path.isRoot { throw Self.notFound(path, in: store, key: key) }
        }
    }

    private static func notFound(_ path: WorkspacePath, in store: MemoryStore, key: [UInt8]) -> BackendError {
        let isDirectory = !store.keys(below: key).isEmpty
        return BackendError(
            .keyNotFound,
            reason: isDirectory ? .isDirectory : .notFound,
            message: isDirectory ? "\(path) is no key, but keys lie below it" : "there is no key \(path)"
        )
    }

    /// Shared by a backend and its scopes.
    private final class Storage: Sendable {
        let budget: MemoryBudget
        let wallClock: @Sendable () -> Int64
        private let state = Mutex(State())

        private struct State {
            var store = MemoryStore()
            var isDestroyed = false
        }

        init(budget: MemoryBudget, wallClock: @escaping @Sendable () -> Int64) {
            self.budget = budget
            self.wallClock = wallClock
        }

        func withStore<Value>(
            _ body: (inout MemoryStore) throws(BackendError) -> sending Value
        ) throws(BackendError) -> sending Value {
            try state.withLock { state throws(BackendError) in
                guard !state.isDestroyed else {
                    throw BackendError(.backendDestroyed, message: "the memory backend was destroyed: acquire it again")
                }
                return try body(&state.store)
            }
        }

        func destroy() {
            let held = state.withLock { state in
                let held = state.store.byteCount
                state = State(isDestroyed: true)
                return held
            }
            budget.release(held)
        }
    }
}
