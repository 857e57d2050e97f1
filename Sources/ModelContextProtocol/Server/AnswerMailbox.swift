internal import Synchronization

/// What is to be sent of an answer while it comes to be: of its progress the latest alone, and in the end the answer, or
/// that nobody wants it any more. However slow the reader is, no more than that is kept.
///
/// For one reader. Safe to use from any thread.
package final class AnswerMailbox: Sendable {
    package enum Item: Sendable {
        case progress(Progress)
        /// Nothing to tell, but a word to keep the stream open.
        case ping
        case answer(RPCResponse)
        case cancelled

        package var isLast: Bool {
            switch self {
            case .answer, .cancelled: true
            case .progress, .ping: false
            }
        }
    }

    private struct State {
        var progress: Progress?
        var isPingDue = false
        /// The last item.
        var end: Item?
        var waiter: CheckedContinuation<Void, Never>?

        mutating func take() -> Item? {
            if let progress {
                self.progress = nil
                isPingDue = false
                return .progress(progress)
            }
            if let end { return end }
            guard isPingDue else { return nil }
            isPingDue = false
            return .ping
        }
    }

    private let state = Mutex(State())

    package init() {}

    package func tell(_ progress: Progress) {
        change { $0.progress = progress }
    }

    package func ping() {
        change { $0.isPingDue = true }
    }

    /// Only the first end counts.
    package func end(_ item: Item) {
        change { state in
            if state.end == nil { state.end = item }
        }
    }

    private func change(_ body: (inout State) -> Void) {
        let waiter = state.withLock { state in
            body(&state)
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// The answer alone. Nil: nobody wants it any more.
    package func answer() async -> RPCResponse? {
        while true {
            switch await next() {
            case .answer(let response): return response
            case .cancelled: return nil
            case .progress, .ping: continue
            }
        }
    }

    /// The next item; after the end, the end again. Whoever ends the task ends the answer first.
    package func next() async -> Item {
        while true {
            if let item = state.withLock({ $0.take() }) { return item }
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    guard state.progress == nil, state.end == nil, !state.isPingDue else { return true }
                    state.waiter = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        }
    }
}
