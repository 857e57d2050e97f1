internal import DequeModule

/// Senders that wait for credit, or for room alone, first come first served, but those that could not go on are passed
/// over.
/// Used on one event loop.
struct CreditWaiters {
    struct Waiter {
        let stream: UInt64
        /// False: what it is to send draws none.
        let needsCredit: Bool
        let continuation: CheckedContinuation<Void, Never>
    }

    private var order: Deque<UInt64> = []
    private var waiters: [UInt64: Waiter] = [:]
    private var lastID: UInt64 = 0

    var isEmpty: Bool { waiters.isEmpty }

    var count: Int { waiters.count }

    mutating func makeID() -> UInt64 {
        lastID += 1
        return lastID
    }

    mutating func add(_ id: UInt64, _ waiter: Waiter) {
        order.append(id)
        waiters[id] = waiter
    }

    /// Nil: it waits no more.
    mutating func remove(_ id: UInt64) -> Waiter? {
        let waiter = waiters.removeValue(forKey: id)
        // Ids of those that left are dropped as they come to the front, or when most of the queue is such.
        if order.count > 2 * waiters.count + 16 { order.removeAll { waiters[$0] == nil } }
        return waiter
    }

    /// Takes the first waiter that may send.
    mutating func takeFirst(where maySend: (Waiter) -> Bool) -> Waiter? {
        guard let index = order.firstIndex(where: { id in waiters[id].map(maySend) ?? false }) else {
            return nil
        }
        return waiters.removeValue(forKey: order.remove(at: index))
    }

    mutating func takeAll(of stream: UInt64) -> [Waiter] {
        let ids = waiters.filter { $0.value.stream == stream }.map(\.key)
        return ids.compactMap { remove($0) }
    }

    mutating func takeAll() -> [Waiter] {
        let all = order.compactMap { waiters[$0] }
        order.removeAll()
        waiters.removeAll()
        return all
    }
}
