internal import Synchronization

/// Elements for one consumer, in the order in which they were sent.
///
/// Unlike an `AsyncStream` it does not end when the consumer's task is cancelled: what must be destroyed must
/// be destroyed then, too. Has no bound of its own; whoever sends has one.
package final class Mailbox<Element: Sendable>: Sendable {
    private struct State {
        var elements: [Element] = []
        var isFinished = false
        var consumer: CheckedContinuation<[Element]?, Never>?
    }

    private let state = Mutex(State())

    package init() {}

    /// Does not wait. Ignored after ``finish()``.
    package func send(_ element: Element) {
        let consumer = state.withLock { state -> CheckedContinuation<[Element]?, Never>? in
            guard !state.isFinished else { return nil }
            guard let consumer = state.consumer.take() else {
                state.elements.append(element)
                return nil
            }
            return consumer
        }
        consumer?.resume(returning: [element])
    }

    /// The consumer gets what was sent before, then nil.
    package func finish() {
        let consumer = state.withLock { state in
            state.isFinished = true
            return state.consumer.take()
        }
        consumer?.resume(returning: nil)
    }

    /// All that has been sent since the last call; waits where that is nothing. nil after the end. For one
    /// task at a time.
    package func next() async -> [Element]? {
        await withCheckedContinuation { continuation in
            let ready = state.withLock { state -> [Element]?? in
                if !state.elements.isEmpty {
                    defer { state.elements = [] }
                    return .some(state.elements)
                }
                if state.isFinished {
                    return .some(nil)
                }
                state.consumer = continuation
                return nil
            }
            if let ready {
                continuation.resume(returning: ready)
            }
        }
    }
}
