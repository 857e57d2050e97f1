internal import AgentBackend
internal import NIOCore
internal import Synchronization

/// One page that is told what goes on. Safe to use from any thread; one task at a time waits for what comes next.
final class PageSubscription: Sendable {
    private let queue: Mutex<PageQueue>
    private let wakeup = Wakeup()

    /// `greeting`: what is written before all else.
    init(greeting: ByteBuffer? = nil) {
        queue = Mutex(PageQueue(greeting: greeting))
    }

    func offer(overview event: ByteBuffer) {
        queue.withLock { $0.offer(overview: event) }
        wakeup.wake()
    }

    func offer(trouble event: ByteBuffer) {
        queue.withLock { $0.offer(trouble: event) }
        wakeup.wake()
    }

    func offer(operation event: ByteBuffer) {
        queue.withLock { $0.offer(operation: event) }
        wakeup.wake()
    }

    func miss(_ count: UInt64) {
        queue.withLock { $0.miss(count) }
        wakeup.wake()
    }

    /// Idempotent.
    func end(_ reason: String?) {
        queue.withLock { $0.end(reason) }
        wakeup.wake()
    }

    /// What is to be written next. Nil: there will be nothing more, or the task is cancelled.
    func next() async -> ByteBuffer? {
        while !Task.isCancelled {
            let (bytes, isOver) = queue.withLock { queue in
                (queue.isEmpty ? nil : queue.take(), queue.isOver)
            }
            if let bytes { return bytes }
            if isOver { return nil }
            await wakeup.wait()
        }
        return nil
    }
}
