internal import AgentBackend
internal import BrokerWire
internal import DequeModule
internal import NIOCore

/// One frame of an answer.
struct AnswerPart: Sendable {
    /// Nil: more bytes of what the parts before it began.
    let reply: Reply?
    let payload: ByteBuffer
    let isLast: Bool
}

/// What has arrived of a call's answer, and whether its caller waits for more. Holds no more than the stream's window.
///
/// The connection's credit is given back on arrival, by whoever drives it: a caller that takes nothing holds up its own
/// call and no other.
///
/// Knows no channel, task or lock; ``CallInbox`` drives it. `Reader` is whoever waits for the next part.
struct InboxStateMachine<Reader: Sendable>: Sendable {
    private enum State {
        /// Parts arrive. Becomes `discarding` or `ended`.
        case open
        /// The caller wants no more of it: what arrives is dropped, the end is awaited. Becomes `ended`.
        case discarding(hasDropped: Bool)
        /// Nothing more arrives. `failure` nil: the last part is, or was, among those kept.
        case ended(failure: BackendError?)
    }

    /// A part that arrived while the reader waited was used up on arrival: it costs no second way to the connection.
    private struct Arrival: Sendable {
        let part: AnswerPart
        let isAccounted: Bool
    }

    private var state = State.open
    private var arrivals: Deque<Arrival> = []
    private var window: ReceiveWindow
    private var reader: Reader?
    /// A part was taken: the answer is no longer whole.
    private var hasDelivered = false
    /// What was taken counts as used up when that is said.
    private var countsWhenUsed = false

    /// Nothing may arrive before ``opened(window:)``.
    init() {
        window = ReceiveWindow(0)
    }

    /// The call was given to a connection, whose streams have such a window.
    mutating func opened(window size: Int) {
        window = ReceiveWindow(size)
    }

    /// The call is to be made again on another connection. Drops what arrived. False: some of the answer was taken, or
    /// it has ended.
    mutating func rewound() -> Bool {
        guard case .open = state, !hasDelivered else { return false }
        arrivals.removeAll()
        return true
    }

    enum ReceiveAction {
        /// Wake the reader, if there is one, and give back so much credit of the stream.
        case accepted(wake: Reader?, credit: Int)
        /// More bytes than the stream had credit for.
        case exceededCredit
    }

    mutating func received(_ part: AnswerPart) -> ReceiveAction {
        let count = part.payload.readableBytes
        switch state {
        case .open:
            guard window.received(count) else { return .exceededCredit }
            let reader = takeReader()
            let isUsedUp = reader != nil && !countsWhenUsed
            arrivals.append(Arrival(part: part, isAccounted: isUsedUp))
            if part.isLast { state = .ended(failure: nil) }
            return .accepted(wake: reader, credit: isUsedUp ? use(count) : 0)
        case .discarding(let hasDropped):
            guard part.isLast else {
                state = .discarding(hasDropped: true)
                return .accepted(wake: nil, credit: 0)
            }
            // A whole answer that came before the cancellation took hold is the answer.
            if hasDropped {
                state = .ended(failure: .cancelledByCaller)
            } else {
                state = .ended(failure: nil)
                arrivals.append(Arrival(part: part, isAccounted: true))
            }
            return .accepted(wake: takeReader(), credit: 0)
        case .ended:
            return .accepted(wake: nil, credit: 0)
        }
    }

    /// The call ends with an error, after what arrived before. Returns the reader to wake.
    mutating func failed(_ error: BackendError) -> Reader? {
        switch state {
        case .open, .discarding:
            state = .ended(failure: error)
            return takeReader()
        case .ended:
            return nil
        }
    }

    /// The caller wants no more of it. False: the call has ended, or was stopped before.
    mutating func stopped() -> Bool {
        switch state {
        case .open:
            state = .discarding(hasDropped: hasDelivered || !arrivals.isEmpty)
            arrivals.removeAll()
            return true
        case .discarding, .ended:
            return false
        }
    }

    /// Nobody will take anything any more.
    mutating func abandoned() {
        state = .ended(failure: .cancelledByCaller)
        arrivals.removeAll()
    }

    enum TakeAction {
        /// Give back so much credit of the stream.
        case part(AnswerPart, credit: Int)
        case end
        case failed(BackendError)
        case wait
    }

    mutating func take() -> TakeAction {
        guard let arrival = arrivals.popFirst() else {
            switch state {
            case .open, .discarding: return .wait
            case .ended(nil): return .end
            case .ended(let failure?): return .failed(failure)
            }
        }
        hasDelivered = true
        let isUsedUp = !arrival.isAccounted && !countsWhenUsed
        return .part(arrival.part, credit: isUsedUp ? use(arrival.part.payload.readableBytes) : 0)
    }

    /// From now on what is taken is held by the caller, who says when it is used up.
    mutating func startedHolding() {
        countsWhenUsed = true
    }

    /// Bytes that were taken are held no more. Returns the credit of the stream to give back.
    mutating func used(_ bytes: Int) -> Int { use(bytes) }

    enum SuspendAction {
        case wait
        /// Something arrived meanwhile.
        case proceed
        /// Somebody else waits.
        case refuse
    }

    mutating func suspended(_ reader: Reader) -> SuspendAction {
        guard arrivals.isEmpty, !hasEnded else { return .proceed }
        guard self.reader == nil else { return .refuse }
        self.reader = reader
        return .wait
    }

    var hasEnded: Bool {
        switch state {
        case .open, .discarding: false
        case .ended: true
        }
    }

    /// It has ended, and all of it was taken.
    var isFinished: Bool { hasEnded && arrivals.isEmpty }

    /// The stream needs no credit any more once its end is here, or nobody reads it.
    private mutating func use(_ bytes: Int) -> Int {
        let credit = window.consumed(bytes) ?? 0
        switch state {
        case .open: return credit
        case .discarding, .ended: return 0
        }
    }

    private mutating func takeReader() -> Reader? {
        defer { reader = nil }
        return reader
    }
}

extension BackendError {
    static let cancelledByCaller = BackendError(
        .cancelled,
        message: "the call was cancelled by its caller",
        maybeExecuted: true
    )
}
