internal import DequeModule
internal import Synchronization

/// The orgs whose trash is to be emptied, each at most once, in the order in which they asked. Safe to use from any
/// thread.
final class TrashQueue: Sendable {
    private struct State {
        var orgs: Deque<String> = []
        var waiting: Set<String> = []
    }

    private let state = Mutex(State())
    private let wakeUps = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    /// Something lies in the org's trash. Does not wait.
    func add(_ org: String) {
        state.withLock { state in
            if state.waiting.insert(org).inserted { state.orgs.append(org) }
        }
        wakeUps.continuation.yield()
    }

    /// The org whose turn it is; nil: there is none.
    func next() -> String? {
        state.withLock { state in
            let org = state.orgs.popFirst()
            if let org { state.waiting.remove(org) }
            return org
        }
    }

    /// Tells that orgs may have come, for one task; ends with ``close()``.
    var additions: AsyncStream<Void> { wakeUps.stream }

    /// Nobody needs to wait for more.
    func close() {
        wakeUps.continuation.finish()
    }
}
