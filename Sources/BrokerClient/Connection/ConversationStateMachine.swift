internal import AgentBackend
internal import DequeModule

/// Where a client is in its conversation with a broker: which ids are used, which calls may start, when it is over.
///
/// Knows no channel, clock or answer; ``ClientConnectionHandler`` drives it.
struct ConversationStateMachine: ~Copyable {
    private enum State {
        /// Becomes `open` or `closed`.
        case awaitingReply
        /// Becomes `draining` or `closed`.
        case open(Calls)
        /// The broker starts nothing more. Becomes `closed`.
        case draining(Calls)
        case closed(ConnectionEnd)
    }

    /// A few numbers: copying it costs nothing.
    private struct Calls {
        let maximumInFlight: Int
        /// Ids up to this one were given out.
        var lastID: UInt64 = 0
        /// Ids up to this one were sent, but for those that left before.
        var lastSentID: UInt64 = 0
        /// Sent, and not yet answered.
        var inFlight = 0
        /// Why the broker starts nothing more.
        var goAway: BackendError?
    }

    private var state = State.awaitingReply
    /// Calls not yet sent, in order of their ids. Those that left are dropped as they come to the front.
    private var queue: Deque<UInt64> = []
    private var queued: Set<UInt64> = []

    /// False: the broker greets at the wrong time.
    mutating func receivedHelloReply(maximumCallsInFlight: Int) -> Bool {
        switch state {
        case .awaitingReply:
            state = .open(Calls(maximumInFlight: max(1, maximumCallsInFlight)))
            return true
        case .open, .draining, .closed:
            return false
        }
    }

    /// A call waits for its turn under the id that is returned. Fails where it will never be sent.
    mutating func newCall() -> Result<UInt64, BackendError> {
        switch state {
        case .open(var calls):
            calls.lastID += 1
            state = .open(calls)
            queue.append(calls.lastID)
            queued.insert(calls.lastID)
            return .success(calls.lastID)
        case .draining(let calls):
            return .failure(ConnectionEnd.brokerDrains(calls.goAway).errorOfUnsentCall)
        case .closed(let end):
            return .failure(end.errorOfUnsentCall)
        case .awaitingReply:
            return .failure(ConnectionEnd.closedByOwner.errorOfUnsentCall)
        }
    }

    /// The call whose turn it is; nil: none, or as many are in flight as may be.
    mutating func nextToSend() -> UInt64? {
        guard case .open(let calls) = state, calls.inFlight < calls.maximumInFlight else { return nil }
        while let id = queue.first, !queued.contains(id) { queue.removeFirst() }
        return queue.first
    }

    /// The call that ``nextToSend()`` named goes out.
    mutating func sentNext() {
        guard case .open(var calls) = state, let id = queue.popFirst() else { return }
        queued.remove(id)
        calls.lastSentID = id
        calls.inFlight += 1
        state = .open(calls)
    }

    /// A call that was not sent waits no more.
    mutating func leftQueue(_ id: UInt64) {
        queued.remove(id)
    }

    /// Whether a frame can be about this call.
    func wasSent(_ id: UInt64) -> Bool {
        switch state {
        case .open(let calls), .draining(let calls): id > 0 && id <= calls.lastSentID
        case .awaitingReply, .closed: false
        }
    }

    enum EndAction {
        /// Nothing is in flight and nothing will be.
        case close
        case goOn
    }

    /// A call that was sent got the end of its answer.
    mutating func callEnded() -> EndAction {
        switch state {
        case .open(var calls):
            calls.inFlight -= 1
            state = .open(calls)
            return .goOn
        case .draining(var calls):
            calls.inFlight -= 1
            state = .draining(calls)
            return calls.inFlight == 0 ? .close : .goOn
        case .awaitingReply, .closed:
            return .goOn
        }
    }

    /// The broker starts nothing more. `error` nil: a planned shutdown. `close`: nothing is in flight.
    mutating func receivedGoAway(_ error: BackendError?) -> EndAction {
        switch state {
        case .open(var calls):
            calls.goAway = error
            queue.removeAll()
            queued.removeAll()
            state = .draining(calls)
            return calls.inFlight == 0 ? .close : .goOn
        case .draining(var calls):
            calls.goAway = calls.goAway ?? error
            state = .draining(calls)
            return .goOn
        case .awaitingReply, .closed:
            return .goOn
        }
    }

    /// Nothing more is started here. `close`: nothing is in flight.
    mutating func ownerDrains(_ error: BackendError) -> EndAction {
        receivedGoAway(error)
    }

    /// Whether it takes calls.
    var isOpen: Bool {
        switch state {
        case .open: true
        case .awaitingReply, .draining, .closed: false
        }
    }

    /// The error of a go-away that came.
    var goAwayError: BackendError? {
        switch state {
        case .draining(let calls): calls.goAway
        case .awaitingReply, .open, .closed: nil
        }
    }

    /// False: it was over before.
    mutating func close(_ end: ConnectionEnd) -> Bool {
        switch state {
        case .awaitingReply, .open, .draining:
            state = .closed(end)
            return true
        case .closed:
            return false
        }
    }

    /// Why it is over; nil: it is not.
    var end: ConnectionEnd? {
        switch state {
        case .closed(let end): end
        case .awaitingReply, .open, .draining: nil
        }
    }

    var isAwaitingReply: Bool {
        switch state {
        case .awaitingReply: true
        case .open, .draining, .closed: false
        }
    }

    var isClosed: Bool {
        switch state {
        case .closed: true
        case .awaitingReply, .open, .draining: false
        }
    }
}
