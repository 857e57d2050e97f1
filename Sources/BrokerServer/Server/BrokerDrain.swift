internal import AgentBackend
internal import BrokerWire
internal import Synchronization

/// The end of a broker in order: who asks for it, and what becomes of the calls in flight. Safe to use from any thread.
final class BrokerDrain: Sendable {
    private struct State {
        var machine = DrainStateMachine()
        var lastWaiter: UInt64 = 0
        var waiters: [UInt64: CheckedContinuation<DrainReport?, Never>] = [:]
    }

    /// Has an element once somebody asked for the end. For one reader.
    let requests: AsyncStream<Void>
    private let requested: AsyncStream<Void>.Continuation
    private let state = Mutex(State())

    init() {
        (requests, requested) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Asks for the end of the broker. Idempotent.
    func request() {
        requested.yield()
    }

    /// Nothing new is begun.
    var isDraining: Bool { state.withLock { $0.machine.isDraining } }

    /// What became of the calls, once all have ended. Throws `CANCELLED`.
    func report() async throws(BackendError) -> DrainReport {
        let id = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        let report: DrainReport? = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let result: DrainReport?? = state.withLock { state in
                    if Task.isCancelled { return .some(nil) }
                    if let result = state.machine.result { return result }
                    state.waiters[id] = continuation
                    return nil
                }
                if let result { continuation.resume(returning: result) }
            }
        } onCancel: {
            let waiter = state.withLock { $0.waiters.removeValue(forKey: id) }
            waiter?.resume(returning: nil)
        }
        guard let report else {
            throw BackendError(
                .cancelled,
                message: "nobody waits for the end of the broker any more; it ends all the same"
            )
        }
        return report
    }

    // MARK: For what is drained

    /// As ``DrainStateMachine/expectsAnother()``.
    func expectAnother() {
        state.withLock { $0.machine.expectsAnother() }
    }

    func began(connections: Int) {
        advance { $0.began(connections: connections) }
    }

    func connectionCame() {
        advance { $0.connectionCame() }
    }

    func connectionDrains(calls: Int) {
        advance { $0.connectionDrains(calls: calls) }
    }

    func callEnded(_ outcome: DrainStateMachine.Outcome) {
        advance { $0.callEnded(outcome) }
    }

    private func advance(_ event: (inout DrainStateMachine) -> Bool) {
        let (report, waiters) = state.withLock { state in
            guard event(&state.machine) else { return (DrainReport(), [CheckedContinuation<DrainReport?, Never>]()) }
            defer { state.waiters = [:] }
            return (state.machine.report, Array(state.waiters.values))
        }
        for waiter in waiters { waiter.resume(returning: report) }
    }
}
