internal import Synchronization

/// What one tenant may watch, what may be watched in all, and what is watched now. Safe to use from any thread.
package final class WatchShare: Sendable {
    package struct Limits: Sendable, Hashable {
        /// Calls that watch at a time.
        package var watches: Int
        /// Those of them that watch the same backend.
        package var watchesPerEntry: Int
        /// Directories that all of them watch; one that two watch counts twice.
        package var directories: Int
        /// Changes that wait for the reader of a watch.
        package var waitingChanges: Int

        package init(
            watches: Int = 256,
            watchesPerEntry: Int = 64,
            directories: Int = 65_536,
            waitingChanges: Int = 8192
        ) {
            self.watches = watches
            self.watchesPerEntry = watchesPerEntry
            self.directories = directories
            self.waitingChanges = waitingChanges
        }
    }

    package typealias ID = UInt64

    private struct State {
        var limits: Limits
        var live: [ID: any LiveWatch] = [:]
        /// How many watch each backend.
        var liveOfEntry: [ObjectIdentifier: Int] = [:]
        var lastID: ID = 0
        var directories = 0
        /// Set once none may begin.
        var end: BackendError?
    }

    private let state: Mutex<State>
    /// That all tenants count against.
    private let total: WatchTotal

    package init(_ limits: Limits = Limits(), of total: WatchTotal = WatchTotal()) {
        state = Mutex(State(limits: limits))
        self.total = total
    }

    /// Those that live keep what they have.
    package func update(_ limits: Limits) {
        state.withLock { $0.limits = limits }
    }

    package var limits: Limits { state.withLock { $0.limits } }

    /// Watches and directories, for tests.
    package var used: (watches: Int, directories: Int) { state.withLock { ($0.live.count, $0.directories) } }

    /// A watch begins; give its number back to ``ended(_:)``. Throws `RESOURCE_EXHAUSTED`.
    package func began(_ watch: any LiveWatch) throws(BackendError) -> ID {
        try state.withLock { state throws(BackendError) in
            if let end = state.end { throw end }
            guard state.live.count < state.limits.watches else {
                throw Self.exhausted(
                    "watches",
                    state.live.count,
                    state.limits.watches,
                    "end one of them, or have watch.max_per_org raised"
                )
            }
            let ofEntry = state.liveOfEntry[watch.entry] ?? 0
            guard ofEntry < state.limits.watchesPerEntry else {
                throw Self.exhausted(
                    "watches_of_entry",
                    ofEntry,
                    state.limits.watchesPerEntry,
                    "end one of them, or have watch.max_per_entry raised"
                )
            }
            state.lastID += 1
            state.live[state.lastID] = watch
            state.liveOfEntry[watch.entry] = ofEntry + 1
            return state.lastID
        }
    }

    package func ended(_ id: ID) {
        state.withLock { state in
            guard let watch = state.live.removeValue(forKey: id), let count = state.liveOfEntry[watch.entry] else {
                return
            }
            state.liveOfEntry[watch.entry] = count > 1 ? count - 1 : nil
        }
    }

    /// A watch is to watch one directory more. Throws `RESOURCE_EXHAUSTED`.
    package func addDirectory() throws(BackendError) {
        try state.withLock { state throws(BackendError) in
            guard state.directories < state.limits.directories else {
                throw Self.exhausted(
                    "watched_directories",
                    state.directories,
                    state.limits.directories,
                    "watch less, leave directories out, or have watch.max_directories_per_org raised"
                )
            }
            guard total.add() else {
                throw Self.exhausted(
                    "watched_directories_in_all",
                    total.used,
                    total.allowed,
                    "try again later, or have watch.max_directories and fs.inotify.max_user_watches raised"
                )
            }
            state.directories += 1
        }
    }

    package func removeDirectories(_ count: Int) {
        state.withLock { $0.directories -= count }
        total.remove(count)
    }

    /// Ends those that there are, and all that come.
    package func endAll(_ error: BackendError) {
        let live = state.withLock { state in
            state.end = error
            return Array(state.live.values)
        }
        for watch in live { watch.end(error) }
    }

    /// Ends those whose backend was destroyed.
    package func endOrphans() {
        for watch in state.withLock({ Array($0.live.values) }) where watch.isOrphaned { watch.end(.destroyedBackend) }
    }

    private static func exhausted(_ name: String, _ used: Int, _ allowed: Int, _ advice: String) -> BackendError {
        BackendError(
            .resourceExhausted,
            message: "\(used) of \(allowed) \(name.replacing("_", with: " ")) are in use: \(advice)",
            limit: LimitDetails(name: name, used: UInt64(clamping: used), allowed: UInt64(clamping: allowed))
        )
    }
}

/// A watch that others may end.
package protocol LiveWatch: Sendable {
    /// The same for all that watch one backend and its scopes; a live watch keeps it from being another's.
    var entry: ObjectIdentifier { get }
    /// The backend that it watches was destroyed.
    var isOrphaned: Bool { get }
    /// Its reader is told the error, once it has taken what waits or at once. Does not wait; idempotent.
    func end(_ error: BackendError)
}

/// Directories that are watched, of all tenants. Safe to use from any thread.
package final class WatchTotal: Sendable {
    private let count = Atomic<Int>(0)
    private let limit: Atomic<Int>

    package init(allowed: Int = 131_072) {
        limit = Atomic(allowed)
    }

    package var used: Int { count.load(ordering: .relaxed) }

    package var allowed: Int { limit.load(ordering: .relaxed) }

    package func allow(_ directories: Int) {
        limit.store(directories, ordering: .relaxed)
    }

    /// False: there are as many as may be.
    fileprivate func add() -> Bool {
        guard count.add(1, ordering: .relaxed).newValue <= allowed else {
            count.subtract(1, ordering: .relaxed)
            return false
        }
        return true
    }

    fileprivate func remove(_ directories: Int) {
        count.subtract(directories, ordering: .relaxed)
    }
}
