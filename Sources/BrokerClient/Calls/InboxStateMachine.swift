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

    /// Bytes that were used up, and are to be given back as credit.
    struct Credit: Sendable, Equatable {
        /// Of the connection.
        var connection = 0
        /// Of the call's stream.
        var stream = 0

        var isEmpty: Bool { connection == 0 && stream == 0 }
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
    /// Used up, and not yet reported.
    private var credit = Credit()
    /// What was taken counts as used up when that is said.
    private var countsWhenUsed = false

    /// Used bytes are reported when there are so many, and before the reader waits: a frame each would be too much,
    /// and bytes that are never reported would in the end stop every call of the connection.
    private static var reportedLength: Int { 64 << 10 }

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
        credit = Credit()
        return true
    }

    enum ReceiveAction {
        /// Wake the reader, if there is one, and give back the credit.
        case accepted(wake: Reader?, Credit)
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
            guard isUsedUp else { return .accepted(wake: reader, Credit()) }
            use(count)
            return .accepted(wake: reader, takeCredit())
        case .discarding(let hasDropped):
            guard part.isLast else {
                state = .discarding(hasDropped: true)
                return .accepted(wake: nil, Credit(connection: count))
            }
            // A whole answer that came before the cancellation took hold is the answer.
            if hasDropped {
                state = .ended(failure: .cancelledByCaller)
            } else {
                state = .ended(failure: nil)
                arrivals.append(Arrival(part: part, isAccounted: true))
            }
            return .accepted(wake: takeReader(), Credit(connection: count))
        case .ended:
            return .accepted(wake: nil, Credit(connection: count))
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

    /// The caller wants no more of it. Returns the credit of what was dropped; nil where the call has ended, or was
    /// stopped before.
    mutating func stopped() -> Credit? {
        switch state {
        case .open:
            let hasDropped = hasDelivered || !arrivals.isEmpty
            dropArrivals()
            state = .discarding(hasDropped: hasDropped)
            return takeCredit()
        case .discarding, .ended:
            return nil
        }
    }

    /// Nobody will take anything any more. Returns the credit of what was left.
    mutating func abandoned() -> Credit {
        state = .ended(failure: .cancelledByCaller)
        dropArrivals()
        return takeCredit()
    }

    enum TakeAction {
        case part(AnswerPart, Credit)
        case end
        case failed(BackendError)
        case wait(Credit)
    }

    mutating func take() -> TakeAction {
        guard let arrival = arrivals.popFirst() else {
            switch state {
            case .open, .discarding: return .wait(takeCredit())
            case .ended(nil): return .end
            case .ended(let failure?): return .failed(failure)
            }
        }
        hasDelivered = true
        if !arrival.isAccounted, !countsWhenUsed { use(arrival.part.payload.readableBytes) }
        let isDue = credit.connection >= Self.reportedLength || credit.stream > 0 || isFinished
        return .part(arrival.part, isDue ? takeCredit() : Credit())
    }

    /// From now on what is taken is held by the caller, who says when it is used up.
    mutating func startedHolding() {
        countsWhenUsed = true
    }

    /// Bytes that were taken are held no more.
    mutating func used(_ bytes: Int) -> Credit {
        use(bytes)
        return takeCredit()
    }

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

    private mutating func use(_ bytes: Int) {
        credit.connection += bytes
        if let returned = window.consumed(bytes) { credit.stream += returned }
    }

    private mutating func takeReader() -> Reader? {
        defer { reader = nil }
        return reader
    }

    /// The stream needs no credit any more once its end is here, or nobody reads it.
    private mutating func takeCredit() -> Credit {
        defer { credit = Credit() }
        switch state {
        case .open: return credit
        case .discarding, .ended: return Credit(connection: credit.connection)
        }
    }

    private mutating func dropArrivals() {
        for arrival in arrivals where !arrival.isAccounted { use(arrival.part.payload.readableBytes) }
        arrivals.removeAll()
    }
}

extension BackendError {
    static let cancelledByCaller = BackendError(
        .cancelled,
        message: "the call was cancelled by its caller",
        maybeExecuted: true
    )
}
