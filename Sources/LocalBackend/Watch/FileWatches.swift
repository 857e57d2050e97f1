internal import AgentBackend
internal import Glibc
internal import Synchronization

/// Watches directories for all backends that share it, with one instance of inotify(7), which is there while something
/// is watched. A directory that several watch is watched once. Safe to use from any thread.
package final class FileWatches: Sendable {
    typealias ID = WatchRoutes.Watcher

    fileprivate struct Watcher {
        let watch: LocalWatch
        let share: WatchShare
    }

    fileprivate struct State {
        var instance: InotifyInstance?
        var watchers: [ID: Watcher] = [:]
        var routes = WatchRoutes()
        /// Those that ended, whose directories are to be given back.
        var ended: [ID: WatchShare] = [:]
        var lastID: ID = 0
    }

    private let state = Mutex(State())

    package init() {}

    /// Watched directories, for tests; those of watches that ended may be among them for a moment.
    var directoryCount: Int { state.withLock { $0.routes.counts.values.reduce(0, +) } }

    /// How many directories may be watched where so many are asked for: the host has others who watch.
    package static func most(_ asked: Int) -> Int {
        guard let file = fopen("/proc/sys/fs/inotify/max_user_watches", "re") else { return asked }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 32)
        guard fgets(&line, Int32(line.count), file) != nil else { return asked }
        let allowed = atol(line)
        return min(asked, allowed - allowed / 8)
    }

    // MARK: Watches

    /// A watch begins. Throws `RESOURCE_EXHAUSTED`.
    func begin(_ watch: LocalWatch, _ share: WatchShare) throws(BackendError) -> ID {
        try state.withLock { state throws(BackendError) in
            if state.instance == nil {
                let instance = try InotifyInstance()
                try instance.start(
                    errand: { [self] in giveBack() },
                    receive: { [self] events in receive(events) }
                )
                state.instance = instance
            }
            state.lastID += 1
            state.watchers[state.lastID] = Watcher(watch: watch, share: share)
            return state.lastID
        }
    }

    /// It gets no more events; the thread gives its directories back.
    func end(_ id: ID) {
        let instance = state.withLock { state -> InotifyInstance? in
            guard let watcher = state.watchers.removeValue(forKey: id) else { return nil }
            state.ended[id] = watcher.share
            return state.instance
        }
        instance?.wake()
    }

    /// Watches an open directory. On a file thread, as the org's user, who must be allowed to read it.
    func add(_ directory: FileDescriptorHandle, for id: ID) throws(WatchFailure) -> InotifyEvent.Watch {
        try state.withLock { state throws(WatchFailure) in
            guard let watcher = state.watchers[id], let instance = state.instance else { throw .ended }
            do throws(BackendError) {
                try watcher.share.addDirectory()
            } catch {
                throw .refused(error)
            }
            // Under the lock: the events that follow find the route.
            let watch = instance.add(directory)
            guard watch >= 0 else {
                watcher.share.removeDirectories(1)
                throw watch == -ENOSPC || watch == -ENOMEM
                    ? .refused(InotifyInstance.exhausted("inotify_add_watch", -watch)) : .errno(-watch)
            }
            if !state.routes.add(watch, to: id) { watcher.share.removeDirectories(1) }
            return watch
        }
    }

    func remove(_ watch: InotifyEvent.Watch, of id: ID) {
        state.withLock { state in
            guard let watcher = state.watchers[id] else { return }
            state.remove(watch, of: id, watcher.share)
        }
    }

    // MARK: On the thread

    private func receive(_ events: [InotifyEvent]) {
        if events.contains(where: \.isOverflow) {
            // Of events that are lost nobody knows whom they were for.
            for watch in state.withLock({ $0.watchers.values.map(\.watch) }) { watch.receive(nil) }
        }
        for (watch, events) in state.withLock({ $0.routed(events) }) { watch.receive(events) }
    }

    private func giveBack() -> InotifyInstance.Errand {
        state.withLock { state in
            guard !state.watchers.isEmpty else {
                // Its watches go with the instance.
                for (id, count) in state.routes.counts { state.ended[id]?.removeDirectories(count) }
                state.routes = WatchRoutes()
                state.ended = [:]
                state.instance = nil
                return .stop
            }
            guard let (id, share) = state.ended.first else { return .goOn }
            let some = state.routes.some(of: id, Self.watchesAtATime)
            for watch in some { state.remove(watch, of: id, share) }
            if some.count < Self.watchesAtATime { state.ended[id] = nil }
            return state.ended.isEmpty ? .goOn : .comeBack
        }
    }

    private static let watchesAtATime = 256
}

extension FileWatches.State {
    fileprivate mutating func remove(_ watch: InotifyEvent.Watch, of id: FileWatches.ID, _ share: WatchShare) {
        switch routes.remove(watch, of: id) {
        case .nothing: return
        case .othersStay: break
        // Under the lock: nobody begins to watch the same directory meanwhile.
        case .wasLast: instance?.remove(watch)
        }
        share.removeDirectories(1)
    }

    /// The events of each watch, in order.
    fileprivate mutating func routed(_ events: [InotifyEvent]) -> [(LocalWatch, [InotifyEvent])] {
        var batches: [FileWatches.ID: [InotifyEvent]] = [:]
        var start = events.startIndex
        // Most come in rows of one directory, which go the same way.
        while start < events.endIndex {
            let directory = events[start].watch
            var end = start + 1
            while end < events.endIndex, events[end].watch == directory, !events[end - 1].has(IN_IGNORED) { end += 1 }
            for id in routes.watchers(of: directory) { batches[id, default: []] += events[start..<end] }
            if events[end - 1].has(IN_IGNORED) {
                for id in routes.forget(directory) { (watchers[id]?.share ?? ended[id])?.removeDirectories(1) }
            }
            start = end
        }
        return batches.compactMap { id, events in watchers[id].map { ($0.watch, events) } }
    }
}

/// Why a directory is not watched.
enum WatchFailure: Error {
    case errno(Int32)
    case refused(BackendError)
    /// The watch has ended.
    case ended
}
