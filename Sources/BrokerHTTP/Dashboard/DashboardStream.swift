internal import ModelContextProtocol
internal import Synchronization

/// An answer that goes on, of one session, as long as this is kept; and what ends it from outside. Safe to use from any
/// thread.
final class DashboardStream: Sendable {
    private let reason = Mutex<String?>(nil)
    private let ended = Occurrence()
    private let closed: @Sendable (ObjectIdentifier) -> Void

    /// `closed`: called once nobody keeps it.
    init(closed: @escaping @Sendable (ObjectIdentifier) -> Void) {
        self.closed = closed
    }

    deinit {
        closed(ObjectIdentifier(self))
    }

    /// The first reason counts.
    func end(_ why: String) {
        reason.withLock { $0 = $0 ?? why }
        ended.happen()
    }

    /// Why it has to end. Nil: its client is gone, or the task is cancelled.
    func waitForEnd(orOf connection: HTTPConnection) async -> String? {
        await withTaskGroup { group in
            group.addTask { _ = await self.ended.wait() }
            group.addTask { _ = await connection.closed.wait() }
            await group.next()
            group.cancelAll()
        }
        return whyItEnded
    }

    /// Nil: nothing outside has ended it.
    var whyItEnded: String? { reason.withLock { $0 } }
}
