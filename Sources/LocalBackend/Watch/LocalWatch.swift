internal import AgentBackend
internal import CLinux
internal import Glibc
internal import Synchronization

/// A watch of real directories. What comes from the kernel waits here until the reader asks; its turns on file threads
/// make changes of it. So one that does not read holds up nobody, and what waits for it is bounded.
final class LocalWatch: FileWatchSource, LiveWatch {
    private struct Inbox {
        var events: WatchInbox
        var end: BackendError?
    }

    private let backend: LocalFilesystemBackend
    /// Of the scope, for as long as it is watched.
    private let access: DirectoryAccess
    private let inbox: Mutex<Inbox>
    private let work: Mutex<WatchWork>
    private let wakeup = Wakeup()
    private let numbers = Mutex<(watch: FileWatches.ID, live: WatchShare.ID)?>(nil)

    private var share: WatchShare { backend.settings.watchShare }
    private var watches: FileWatches { backend.settings.watches }

    init(
        _ options: WatchOptions,
        at place: WorkspacePath,
        of backend: LocalFilesystemBackend,
        _ access: DirectoryAccess
    ) {
        self.backend = backend
        self.access = access
        let limits = backend.settings.watchShare.limits
        inbox = Mutex(Inbox(events: WatchInbox(capacity: limits.waitingChanges)))
        work = Mutex(WatchWork(options, at: place, limits))
    }

    // MARK: For its reader

    /// Returns once all directories are watched. Nil: the one that was asked for is not there any more.
    func begin() async throws(BackendError) -> Bool {
        let live = try share.began(self)
        do throws(BackendError) {
            let watch = try watches.begin(self, share)
            numbers.withLock { $0 = (watch, live) }
        } catch {
            share.ended(live)
            throw error
        }
        // One that was destroyed before this was there has not ended it.
        if isOrphaned { throw .destroyedBackend }
        while true {
            try checkNotEnded()
            let (isReady, next) = work.withLock { work in
                work.isReady ? (true, WatchWork.Next.wait) : (false, work.next(hasEvents: false))
            }
            if isReady { return true }
            guard case .turn = next else { return false }
            try await takeTurn()
        }
    }

    func nextBatch() async throws(BackendError) -> [FileChange]? {
        while true {
            try checkNotEnded()
            switch work.withLock({ work in work.next(hasEvents: inbox.withLock { !$0.events.isEmpty }) }) {
            case .changes(let changes): return changes
            case .end: return nil
            case .turn: try await takeTurn()
            case .wait:
                await wakeup.wait()
                if Task.isCancelled { throw .watchCancelled }
            }
        }
    }

    func close() {
        let numbers = numbers.withLock { numbers in
            defer { numbers = nil }
            return numbers
        }
        guard let numbers else { return }
        share.ended(numbers.live)
        watches.end(numbers.watch)
    }

    private func checkNotEnded() throws(BackendError) {
        if let end = inbox.withLock({ $0.end }) { throw end }
    }

    private func takeTurn() async throws(BackendError) {
        guard let id = numbers.withLock({ $0?.watch }) else { throw .watchCancelled }
        do throws(BackendError) {
            try await takeTurn(of: id)
        } catch {
            // What fails for good fails the next time too.
            if error.code != .cancelled { end(error) }
            throw error
        }
    }

    private func takeTurn(of id: FileWatches.ID) async throws(BackendError) {
        try await backend.settings.threads.run(as: backend.identity) { [self] cancellation in
            let tools = WatchWork.Tools(
                access: access,
                cancellation: cancellation,
                add: { directory throws(WatchFailure) in try self.watches.add(directory, for: id) },
                remove: { self.watches.remove($0, of: id) }
            )
            return work.withLock { work in
                do throws(BackendError) {
                    try work.advance(tools) { body in inbox.withLock { body(&$0.events) } }
                    return .success(())
                } catch {
                    return .failure(error)
                }
            }
        }
    }

    // MARK: From outside

    /// On the thread of the watches. Nil: the kernel has lost events.
    func receive(_ events: [InotifyEvent]?) {
        inbox.withLock { inbox in
            if let events { inbox.events.add(events) } else { inbox.events.lose(0) }
        }
        wakeup.wake()
    }

    var entry: ObjectIdentifier { ObjectIdentifier(backend.lifecycle) }

    var isOrphaned: Bool { backend.root.isDestroyed }

    func end(_ error: BackendError) {
        inbox.withLock { $0.end = $0.end ?? error }
        wakeup.wake()
    }
}
