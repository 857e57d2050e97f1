package import Logging
import Synchronization

/// The part of a backend's life that all types share: its status and who watches it, what is to be closed before its
/// end, and the scopes that are in use. One per backend, shared by all of its scopes. Safe to use from any thread.
package final class BackendLifecycle: Sendable {
    private struct State {
        var status: BackendStatus
        var destruction = Destruction.none
        var watchers: [UInt64: Watcher] = [:]
        var closeables: [any BackendCloseable] = []
        /// How many scope objects there are of each path.
        var scopes: [WorkspacePath: Int] = [:]
        var lastWatcher: UInt64 = 0
        var lastScope: UInt64 = 0
    }

    private struct Watcher {
        let continuation: AsyncStream<BackendStatusChange>.Continuation
        /// What it watches, and the scopes around that.
        let scopes: [UInt64]
    }

    private enum Destruction {
        /// Whoever is to do it gets what is to be closed; whoever waits for it gets nil.
        typealias Waiter = CheckedContinuation<[any BackendCloseable]?, Never>

        /// Becomes `running`.
        case none
        /// Becomes `done`. With those who wait for that.
        case running([Waiter])
        case done
    }

    private let state: Mutex<State>
    private let logger: Logger
    private let wallClock: @Sendable () -> Int64

    /// Status changes that a watcher may leave unread; it loses the oldest beyond that.
    private static let maximumUnread = 1024
    /// One for all: an idle entry would keep it otherwise.
    package static let logger = Logger(label: "agent-backend")

    package init(
        status: BackendStatus = .connected,
        logger: Logger = BackendLifecycle.logger,
        wallClock: @escaping @Sendable () -> Int64 = systemWallClock
    ) {
        state = Mutex(State(status: status))
        self.logger = logger
        self.wallClock = wallClock
    }

    // MARK: Status

    package var status: BackendStatus { state.withLock { $0.status } }

    /// Every change from now on, in order; ends after the one to `destroyed`.
    ///
    /// - Parameters:
    ///   - scopes: The scope that is watched, and those around it: the end of each is one to `destroyed`. Empty: the
    ///     backend itself.
    ///   - isEnded: Whether one of them was destroyed before. Asked under the lock.
    package func statusChanges(
        of scopes: [UInt64] = [],
        unless isEnded: () -> Bool = { false }
    ) -> AsyncStream<BackendStatusChange> {
        let (stream, continuation) = AsyncStream<BackendStatusChange>.makeStream(
            bufferingPolicy: .bufferingNewest(Self.maximumUnread)
        )
        let watcher = state.withLock { state -> UInt64? in
            guard state.status != .destroyed, !isEnded() else { return nil }
            state.lastWatcher += 1
            state.watchers[state.lastWatcher] = Watcher(continuation: continuation, scopes: scopes)
            return state.lastWatcher
        }
        guard let watcher else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { _ = $0.watchers.removeValue(forKey: watcher) }
        }
        return stream
    }

    /// Nothing where that is the status already, or the backend was destroyed.
    package func transition(to status: BackendStatus, cause: BackendError? = nil) {
        let time = wallClock()
        let watchers = state.withLock { state -> [Watcher] in
            guard state.status != status, state.status != .destroyed else { return [] }
            let change = BackendStatusChange(from: state.status, to: status, time: time, cause: cause)
            state.status = status
            // Under the lock, so that all watchers see the changes in their order; it only appends.
            for watcher in state.watchers.values { watcher.continuation.yield(change) }
            guard status == .destroyed else { return [] }
            defer { state.watchers = [:] }
            return Array(state.watchers.values)
        }
        for watcher in watchers { watcher.continuation.finish() }
    }

    // MARK: End

    /// Has `closeable` closed before the backend is destroyed; at once where it has been.
    package func track(_ closeable: any BackendCloseable) async {
        let isTracked = state.withLock { state in
            guard case .none = state.destruction else { return false }
            state.closeables.append(closeable)
            return true
        }
        if !isTracked { await close(closeable) }
    }

    /// Closes what is tracked, runs `end`, and makes the status `destroyed`. Whoever calls it again meanwhile waits for
    /// the same end; after that it does nothing.
    package func destroy(_ end: () async -> Void) async {
        let closeables = await withCheckedContinuation { (continuation: Destruction.Waiter) in
            let answer = state.withLock { state -> [any BackendCloseable]?? in
                switch state.destruction {
                case .none:
                    state.destruction = .running([])
                    defer { state.closeables = [] }
                    return .some(state.closeables)
                case .running(let waiters):
                    state.destruction = .running(waiters + [continuation])
                    return .none
                case .done:
                    return .some(nil)
                }
            }
            if let answer { continuation.resume(returning: answer) }
        }
        guard let closeables else { return }
        // The last one first: it may have been made with the help of those before it.
        for closeable in closeables.reversed() { await close(closeable) }
        await end()
        transition(to: .destroyed)
        let waiters = state.withLock { state -> [Destruction.Waiter] in
            guard case .running(let waiters) = state.destruction else { return [] }
            state.destruction = .done
            return waiters
        }
        for waiter in waiters { waiter.resume(returning: nil) }
    }

    private func close(_ closeable: any BackendCloseable) async {
        do {
            try await closeable.close()
        } catch {
            logger.warning(
                "something that used a backend could not be closed",
                metadata: ["closeable": "\(type(of: closeable))", "error": "\(error)"]
            )
        }
    }

    // MARK: Scopes

    /// A number for it, which no other has.
    package func scopeBegan(_ path: WorkspacePath) -> UInt64 {
        state.withLock { state in
            state.scopes[path, default: 0] += 1
            state.lastScope += 1
            return state.lastScope
        }
    }

    /// Tells those who watch the scope, or one within it, of its end. Called once it refuses everything.
    package func scopeDestroyed(_ scope: UInt64) {
        let time = wallClock()
        let watchers = state.withLock { state -> [Watcher] in
            let ended = state.watchers.filter { $0.value.scopes.contains(scope) }
            let change = BackendStatusChange(from: state.status, to: .destroyed, time: time)
            for (number, watcher) in ended {
                watcher.continuation.yield(change)
                state.watchers[number] = nil
            }
            return Array(ended.values)
        }
        for watcher in watchers { watcher.continuation.finish() }
    }

    package func scopeEnded(_ path: WorkspacePath) {
        state.withLock { state in
            guard let count = state.scopes[path] else { return }
            state.scopes[path] = count > 1 ? count - 1 : nil
        }
    }

    /// Of the scopes that are in use, sorted as bytes; below `root` only, and relative to it.
    package func activeScopes(below root: WorkspacePath = .root) -> [WorkspacePath] {
        state.withLock { Array($0.scopes.keys) }
            .compactMap { $0.relative(to: root) }
            .filter { !$0.isRoot }
            .sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    }
}
