import Foundation
import Synchronization

/// A thread that changes files over and over while a test works on them.
final class Opponent: Sendable {
    private let isStopped = Flag()
    private let ended = DispatchSemaphore(value: 0)

    private init(_ body: @escaping @Sendable () -> Void) {
        Thread.detachNewThread { [self] in
            while !isStopped.isSet {
                body()
                sched_yield()
            }
            ended.signal()
        }
    }

    /// Runs `body` while `opponent` is called again and again.
    static func against<Value>(
        _ opponent: @escaping @Sendable () -> Void,
        _ body: () async throws -> Value
    ) async rethrows -> Value {
        let thread = Opponent(opponent)
        defer { thread.stop() }
        return try await body()
    }

    private func stop() {
        isStopped.set()
        ended.wait()
    }
}

/// Tells other tasks and threads to stop.
final class Flag: Sendable {
    private let value = Atomic<Bool>(false)

    var isSet: Bool { value.load(ordering: .relaxed) }

    func set() {
        value.store(true, ordering: .relaxed)
    }
}
