internal import AgentBackend
internal import Synchronization

/// Who takes turns with others in starting commands.
enum StartParty: Hashable, Sendable {
    /// An org has a user of its own.
    case user(UInt32)
    /// Where all commands run as the broker's user.
    case sandbox(ObjectIdentifier)
}

/// Lets as many commands be started at once as gain from it; the others wait in a fair queue. Safe to use from any
/// thread.
final class StartGate: Sendable {
    private typealias Queue = StartQueue<StartParty>

    private struct State {
        var queue: Queue
        var continuations: [Queue.Ticket: CheckedContinuation<Bool, Never>] = [:]
        /// Have their slot, before they came to suspend.
        var early: Set<Queue.Ticket> = []
    }

    private let state: Mutex<State>
    private let maximumWaiting: Int

    init(slots: Int, maximumWaiting: Int) {
        self.maximumWaiting = maximumWaiting
        state = Mutex(State(queue: Queue(slots: slots, maximumWaiting: maximumWaiting)))
    }

    /// Waits for a slot, which ``leave()`` gives back. Throws `CANCELLED`, and `RESOURCE_EXHAUSTED` where too many
    /// wait.
    func enter(_ party: StartParty) async throws(BackendError) {
        switch state.withLock({ $0.queue.enter(party) }) {
        case .proceed:
            return
        case .refused:
            throw .tooMany("waiting_starts", allowed: maximumWaiting)
        case .wait(let ticket):
            let hasSlot = await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in suspend(ticket, continuation) }
            } onCancel: {
                abandon(ticket)
            }
            guard hasSlot else { throw .waitCancelled }
        }
    }

    /// Gives the slot to the next.
    func leave() {
        let continuation = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            guard let ticket = state.queue.leave() else { return nil }
            if let continuation = state.continuations.removeValue(forKey: ticket) { return continuation }
            state.early.insert(ticket)
            return nil
        }
        continuation?.resume(returning: true)
    }

    /// A slot that was entered, to be given back.
    func slot() -> GateSlot { GateSlot(self) }

    private func suspend(_ ticket: Queue.Ticket, _ continuation: CheckedContinuation<Bool, Never>) {
        let hasSlot = state.withLock { state -> Bool? in
            guard state.queue.isWaiting(ticket) else { return state.early.remove(ticket) != nil }
            state.continuations[ticket] = continuation
            return nil
        }
        if let hasSlot { continuation.resume(returning: hasSlot) }
    }

    private func abandon(_ ticket: Queue.Ticket) {
        let continuation = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            guard state.queue.abandon(ticket) else { return nil }
            return state.continuations.removeValue(forKey: ticket)
        }
        continuation?.resume(returning: false)
    }
}

/// A slot of the gate. Safe to use from any thread.
final class GateSlot: Sendable {
    private let gate: StartGate
    private let hasLeft = Atomic(false)

    fileprivate init(_ gate: StartGate) {
        self.gate = gate
    }

    /// Gives it back. Idempotent.
    func leave() {
        if !hasLeft.exchange(true, ordering: .relaxed) { gate.leave() }
    }
}
