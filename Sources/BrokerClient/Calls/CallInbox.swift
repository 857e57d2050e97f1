internal import AgentBackend
internal import Synchronization

/// Where the connection puts the answer of a call, and its caller takes it from. Safe to use from any thread.
final class CallInbox: Sendable {
    typealias Machine = InboxStateMachine<CheckedContinuation<Wakeup, Never>>

    enum Wakeup {
        case proceed
        /// Somebody else waits for the answer.
        case refused
    }

    private let machine: Mutex<Machine>
    private let idStorage = Atomic<UInt64>(0)

    init(window: Int) {
        machine = Mutex(Machine(window: window))
    }

    /// On the wire. Written and read by the connection alone, on its event loop. 0: none yet.
    var id: UInt64 {
        get { idStorage.load(ordering: .relaxed) }
        set { idStorage.store(newValue, ordering: .relaxed) }
    }

    var hasEnded: Bool { machine.withLock { $0.hasEnded } }
    /// It has ended, and all of it was taken.
    var isFinished: Bool { machine.withLock { $0.isFinished } }

    // MARK: For the connection

    /// Returns the credit to give back; nil: the peer had none for these bytes.
    func receive(_ part: AnswerPart) -> Machine.Credit? {
        switch machine.withLock({ $0.received(part) }) {
        case .accepted(let reader, let credit):
            reader?.resume(returning: .proceed)
            return credit
        case .exceededCredit:
            return nil
        }
    }

    func fail(_ error: BackendError) {
        machine.withLock { $0.failed(error) }?.resume(returning: .proceed)
    }

    /// Returns the credit of what was dropped; nil: there is nothing to stop.
    func stop() -> Machine.Credit? { machine.withLock { $0.stopped() } }

    func abandon() -> Machine.Credit { machine.withLock { $0.abandoned() } }

    // MARK: For the caller

    func take() -> Machine.TakeAction { machine.withLock { $0.take() } }

    func wait() async -> Wakeup {
        await withCheckedContinuation { continuation in
            switch machine.withLock({ $0.suspended(continuation) }) {
            case .wait: break
            case .proceed: continuation.resume(returning: .proceed)
            case .refuse: continuation.resume(returning: .refused)
            }
        }
    }
}
