internal import AgentBackend
internal import Synchronization

/// Where the answer of a call is put, and its caller takes it from. Safe to use from any thread, but for who has the
/// call.
final class CallInbox: Sendable {
    typealias Machine = InboxStateMachine<Reader>

    enum Wakeup {
        case proceed
        /// Somebody else waits for the answer.
        case refused
    }

    /// Whoever waits for the answer.
    enum Reader: Sendable {
        case task(CheckedContinuation<Wakeup, Never>)
        case callback(@Sendable () -> Void)

        func wake() {
            switch self {
            case .task(let continuation): continuation.resume(returning: .proceed)
            case .callback(let body): body()
            }
        }
    }

    private let machine = Mutex(Machine())

    /// Who has the call. Nil: nobody yet, or it was refused. On the event loop alone.
    nonisolated(unsafe) var holder: (any CallHolder)?
    /// The holder's name for it; on the wire, where that is a connection. On the event loop alone.
    nonisolated(unsafe) var id: UInt64 = 0

    var hasEnded: Bool { machine.withLock { $0.hasEnded } }
    /// It has ended, and all of it was taken.
    var isFinished: Bool { machine.withLock { $0.isFinished } }

    // MARK: For the holder

    func open(window: Int) { machine.withLock { $0.opened(window: window) } }

    /// False: it is too late to make the call again.
    func rewind() -> Bool { machine.withLock { $0.rewound() } }

    /// Returns the credit of the stream to give back; nil: the peer had none for these bytes.
    func receive(_ part: AnswerPart) -> Int? {
        switch machine.withLock({ $0.received(part) }) {
        case .accepted(let reader, let credit):
            reader?.wake()
            return credit
        case .exceededCredit:
            return nil
        }
    }

    func fail(_ error: BackendError) {
        machine.withLock { $0.failed(error) }?.wake()
    }

    /// False: there is nothing to stop.
    func stop() -> Bool { machine.withLock { $0.stopped() } }

    func abandon() { machine.withLock { $0.abandoned() } }

    // MARK: For the caller

    func startHolding() { machine.withLock { $0.startedHolding() } }

    func use(_ bytes: Int) -> Int { machine.withLock { $0.used(bytes) } }

    func take() -> Machine.TakeAction { machine.withLock { $0.take() } }

    func wait() async -> Wakeup {
        await withCheckedContinuation { continuation in
            switch machine.withLock({ $0.suspended(.task(continuation)) }) {
            case .wait: break
            case .proceed: continuation.resume(returning: .proceed)
            case .refuse: continuation.resume(returning: .refused)
            }
        }
    }

    /// Calls `body` once, when there is something to take: on whatever thread brings it, or here and now.
    func whenArrived(_ body: @escaping @Sendable () -> Void) {
        switch machine.withLock({ $0.suspended(.callback(body)) }) {
        case .wait: break
        case .proceed, .refuse: body()
        }
    }
}

/// Who has a call: the connection that it was given to, or who keeps it until there is one. Used on the event loop.
protocol CallHolder: AnyObject {
    /// Asks for the end of the call.
    func cancel(_ inbox: CallInbox)
    /// The caller is gone.
    func abandon(_ inbox: CallInbox)
    /// The caller used bytes of the answer up: the broker gets credit for more of the stream. 0: not yet.
    func giveBack(_ credit: Int, of inbox: CallInbox)
    /// Sends bytes of the call. Whoever waits for that hears of it, also where the call takes no more.
    func send(_ write: CallWrite, of inbox: CallInbox)
    /// Who waits for a write waits no more.
    func withdraw(_ write: UInt64, of inbox: CallInbox)
    /// Makes a call about another one, which has been begun: where that is.
    func begin(_ inbox: CallInbox, about other: CallInbox, _ request: (_ call: UInt64) -> CallRequest)
}

/// Bytes of a call that wait to be sent, and who waits for that.
typealias CallWrite = SendQueue<CheckedContinuation<ClientCall.SendOutcome, Never>>.Write
