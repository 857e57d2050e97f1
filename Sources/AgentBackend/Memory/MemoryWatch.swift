internal import Synchronization

/// A watch of keys. Directories, which keys imply, are told of only when the watched one goes with its last key.
final class MemoryWatch: FileWatchSource, LiveWatch {
    private struct State {
        var queue: WatchQueue
        /// The watched directory is gone: told once what waits is taken.
        var last: FileChange?
        var isOver = false
        var end: BackendError?
    }

    private let options: WatchOptions
    private let backend: MemoryBackend
    private let state: Mutex<State>
    private let wakeup = Wakeup()
    /// Nil: it was closed.
    private let number = Mutex<WatchShare.ID?>(nil)

    /// Throws `LS_FAILED` for a path that no key lies below.
    init(_ options: WatchOptions, of backend: MemoryBackend) throws(BackendError) {
        self.options = options
        self.backend = backend
        state = Mutex(
            State(queue: WatchQueue(of: options.path, capacity: backend.watchShare.limits.waitingChanges))
        )
        let number = try backend.watchShare.began(self)
        do throws(BackendError) {
            let key = backend.prefix.appending(options.path).bytes
            try backend.storage.add(self) { store throws(BackendError) in
                try MemoryBackend.check(options.path, isDirectoryIn: store, key: key)
            }
            self.number.withLock { $0 = number }
            // One that was destroyed before this was there has not ended it.
            try backend.checkNotDestroyed()
        } catch {
            backend.storage.remove(self)
            backend.watchShare.ended(number)
            throw error.during("watch")
        }
    }

    // MARK: For its reader

    func nextBatch() async throws(BackendError) -> [FileChange]? {
        while true {
            let changes = try state.withLock { state throws(BackendError) -> [FileChange]?? in
                if let end = state.end { throw end }
                if !state.queue.isEmpty { return state.queue.take() }
                if state.isOver { return .some(nil) }
                guard let last = state.last else { return nil }
                state.isOver = true
                return [last]
            }
            if let changes { return changes }
            await wakeup.wait()
            if Task.isCancelled { throw .watchCancelled }
        }
    }

    func close() {
        let number = number.withLock { number in
            defer { number = nil }
            return number
        }
        guard let number else { return }
        backend.storage.remove(self)
        backend.watchShare.ended(number)
    }

    // MARK: From outside

    var entry: ObjectIdentifier { ObjectIdentifier(backend.lifecycle) }

    /// Under the lock of the storage.
    func receive(_ changes: [MemoryStore.Change], _ store: MemoryStore) {
        let isGone =
            !options.path.isRoot && !store.hasKeys(below: backend.prefix.appending(options.path).bytes)
        let isNews = state.withLock { state in
            guard state.last == nil else { return false }
            for change in changes {
                if let change = told(change) { state.queue.add(change) }
            }
            if isGone { state.last = FileChange(.removed, options.path, isDirectory: true) }
            return isGone || !state.queue.isEmpty
        }
        if isNews { wakeup.wake() }
    }

    /// Nil: it is not.
    private func told(_ change: MemoryStore.Change) -> FileChange? {
        switch change {
        case .created(let key): return path(key).map { FileChange(.created, $0) }
        case .modified(let key): return path(key).map { FileChange(.modified, $0) }
        case .removed(let key): return path(key).map { FileChange(.removed, $0) }
        case .moved(let from, let to):
            switch (path(from), path(to)) {
            case (let from?, let to?): return FileChange(.moved, to, from: from)
            case (let from?, nil): return FileChange(.removed, from)
            case (nil, let to?): return FileChange(.created, to)
            case (nil, nil): return nil
            }
        }
    }

    /// As its reader sees it. Nil: it hears nothing of it.
    private func path(_ key: [UInt8]) -> WorkspacePath? {
        guard let path = (try? WorkspacePath(key))?.relative(to: backend.prefix),
            let inner = path.relative(to: options.path), options.reaches(inner)
        else { return nil }
        return path
    }

    var isOrphaned: Bool {
        do throws(BackendError) {
            try backend.checkNotDestroyed()
            return false
        } catch {
            return true
        }
    }

    func end(_ error: BackendError) {
        state.withLock { $0.end = $0.end ?? error }
        wakeup.wake()
    }
}
