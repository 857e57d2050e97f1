internal import DequeModule
internal import Synchronization

/// The changes in a directory, from the moment that it is handed out, in order, for one task.
///
/// A file that is written is told of as created or modified however often that is noticed; what is told twice does no
/// harm, and nothing is left out without an ``FileChange/Kind/overflow``. Changes wait for a reader that is slow, as
/// many as the backend's limits say. It ends when the watched directory is removed, or it or one above it gets another
/// name: after a last ``FileChange/Kind/removed`` of it. Throws `BACKEND_DESTROYED` and `SHUTTING_DOWN` where it is
/// ended from outside, and `RESOURCE_EXHAUSTED` where it came to have more directories than may be watched.
///
/// Letting go of it ends it. Cancelling the reading task: `CANCELLED`, and it may be read on, but over a connection.
public final class FileWatch: AsyncSequence, Sendable {
    public typealias Element = FileChange
    public typealias Failure = BackendError

    private let source: any FileWatchSource
    /// What came with the last change.
    private let rest = Mutex<Deque<FileChange>>([])

    package init(_ source: any FileWatchSource) {
        self.source = source
    }

    deinit {
        source.close()
    }

    /// Waits for the next change. Nil: there will be none.
    public func next() async throws(BackendError) -> FileChange? {
        while true {
            if let change = rest.withLock({ $0.popFirst() }) { return change }
            guard let batch = try await source.nextBatch() else { return nil }
            rest.withLock { $0 += batch }
        }
    }

    /// Those that wait, one at least, where some do or come; some of them where they are many.
    package func nextBatch() async throws(BackendError) -> [FileChange]? {
        let kept = rest.withLock { rest in
            defer { rest = [] }
            return Array(rest)
        }
        return kept.isEmpty ? try await source.nextBatch() : kept
    }

    /// Ends it. Idempotent.
    public func close() {
        source.close()
    }

    public func makeAsyncIterator() -> Iterator { Iterator(watch: self) }

    public struct Iterator: AsyncIteratorProtocol {
        let watch: FileWatch

        public func next() async throws(BackendError) -> FileChange? { try await watch.next() }

        public func next(isolation actor: isolated (any Actor)?) async throws(BackendError) -> FileChange? {
            try await watch.next()
        }
    }
}

/// Where the changes of a ``FileWatch`` come from.
package protocol FileWatchSource: Sendable {
    /// Waits for changes and returns them, not too many at once and never none. Nil: there will be none. One task at a
    /// time.
    func nextBatch() async throws(BackendError) -> [FileChange]?
    /// Gives back what it holds. Idempotent.
    func close()
}

extension BackendError {
    package static let watchCancelled = BackendError(
        .cancelled,
        message: "nobody waits for changes any more",
        operation: "watch"
    )
}
