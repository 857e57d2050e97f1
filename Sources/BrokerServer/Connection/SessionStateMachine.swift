internal import AgentBackend
internal import BrokerWire

/// Where a connection is in its conversation: who may speak, which ids are new, when it is over.
///
/// Knows no channel, clock or call; ``ConnectionHandler`` drives it.
struct SessionStateMachine: ~Copyable {
    /// A few numbers: copying it costs nothing.
    private enum State {
        /// Becomes `authenticating`, `faulted` or `closed`.
        case awaitingHello
        /// The token is looked up, or its refusal held back for a moment, in which nothing is taken. Becomes `open` or
        /// `closed`.
        case authenticating
        /// Becomes `faulted` or `closed`.
        case open(Open)
        /// The peer broke the protocol, which it is to be told, with the last id that may have been started. Becomes
        /// `closed`.
        case faulted(lastID: UInt64)
        case closed
    }

    private struct Open {
        /// Ids up to this one were used.
        var highestID: UInt64 = 0
        var callsInFlight = 0
        /// Set by a go-away of ours: ids above it are not started.
        var lastID: UInt64?
        /// The peer sends nothing more.
        var inputClosed = false

        var lastStarted: UInt64 { lastID ?? highestID }
    }

    private var state = State.awaitingHello
    /// One more is refused.
    var maximumCallsInFlight: Int

    init(maximumCallsInFlight: Int) {
        self.maximumCallsInFlight = maximumCallsInFlight
    }

    enum HelloAction {
        case authenticate(Hello, version: UInt32)
        case close(BackendError)
        case ignore
    }

    mutating func receivedHello(_ hello: Hello) -> HelloAction {
        switch state {
        case .awaitingHello:
            guard hello.versions.contains(protocolVersion) else {
                state = .faulted(lastID: 0)
                return .close(Self.unsupported(hello.versions))
            }
            guard hello.clientName.utf8.count <= Self.maximumClientNameLength else {
                state = .faulted(lastID: 0)
                return .close(Self.protocolError("client_name is longer than \(Self.maximumClientNameLength) bytes"))
            }
            state = .authenticating
            return .authenticate(hello, version: protocolVersion)
        case .open(let open):
            state = .faulted(lastID: open.lastStarted)
            return .close(Self.secondHello)
        case .authenticating, .faulted, .closed:
            return .ignore
        }
    }

    /// False: the connection is over, and nobody waits for the answer.
    mutating func authenticated() -> Bool {
        switch state {
        case .authenticating:
            state = .open(Open())
            return true
        case .awaitingHello, .open, .faulted, .closed:
            return false
        }
    }

    enum CallAction {
        case start
        /// Answer the call with this.
        case refuse(BackendError)
        case close(BackendError)
        case ignore
    }

    /// A frame that begins a call.
    mutating func receivedCall(_ id: UInt64) -> CallAction {
        switch state {
        case .open(var open):
            guard id > open.highestID else {
                state = .faulted(lastID: open.lastStarted)
                return .close(Self.protocolError("call id \(id) is not above \(open.highestID): count upwards"))
            }
            open.highestID = id
            if let lastID = open.lastID, id > lastID {
                state = .open(open)
                return .refuse(Self.draining)
            }
            guard open.callsInFlight < maximumCallsInFlight else {
                state = .open(open)
                return .refuse(Self.tooManyCalls(open.callsInFlight, maximumCallsInFlight))
            }
            open.callsInFlight += 1
            state = .open(open)
            return .start
        case .awaitingHello:
            state = .faulted(lastID: 0)
            return .close(Self.protocolError("a call before the hello: send that first"))
        case .authenticating, .faulted, .closed:
            return .ignore
        }
    }

    enum ChunkAction {
        /// Of a call that was begun; it may have ended.
        case deliver
        case close(BackendError)
        case ignore
    }

    mutating func receivedChunk(_ id: UInt64) -> ChunkAction {
        switch state {
        case .open(let open):
            guard id > 0, id <= open.highestID else {
                state = .faulted(lastID: open.lastStarted)
                return .close(Self.protocolError("a chunk of call \(id), which was never begun"))
            }
            return .deliver
        case .awaitingHello:
            state = .faulted(lastID: 0)
            return .close(Self.protocolError("a chunk before the hello: send that first"))
        case .authenticating, .faulted, .closed:
            return .ignore
        }
    }

    enum UnknownAction {
        /// Of a call that was begun; it may have ended.
        case failCall
        /// It begins a call, which is refused.
        case refuseCall
        case ignore
    }

    /// A frame whose body only a newer peer knows.
    func receivedUnknown(_ id: UInt64) -> UnknownAction {
        switch state {
        case .open(let open): id == 0 ? .ignore : id <= open.highestID ? .failCall : .refuseCall
        case .awaitingHello: id == 0 ? .ignore : .refuseCall
        case .authenticating, .faulted, .closed: .ignore
        }
    }

    /// Whether something about the connection itself (ping, cancel, credit) is taken.
    var isOpen: Bool {
        switch state {
        case .open: true
        case .awaitingHello, .authenticating, .faulted, .closed: false
        }
    }

    /// Whether the peer sends nothing more while calls are in flight.
    var isInputClosed: Bool {
        switch state {
        case .open(let open): open.inputClosed
        case .awaitingHello, .authenticating, .faulted, .closed: false
        }
    }

    /// Calls that were begun and not answered.
    var callsInFlight: Int {
        switch state {
        case .open(let open): open.callsInFlight
        case .awaitingHello, .authenticating, .faulted, .closed: 0
        }
    }

    var isAwaitingHello: Bool {
        switch state {
        case .awaitingHello: true
        case .authenticating, .open, .faulted, .closed: false
        }
    }

    /// Whether what arrives is looked at. Not while a refusal is held back: nothing that follows a wrong token is to make
    /// its answer come sooner.
    var takesInput: Bool {
        switch state {
        case .awaitingHello, .open: true
        case .authenticating, .faulted, .closed: false
        }
    }

    var isClosed: Bool {
        switch state {
        case .faulted, .closed: true
        case .awaitingHello, .authenticating, .open: false
        }
    }

    enum EndAction {
        case close
        case wait
    }

    /// A call was answered. `close`: it was the last one that the connection waited for.
    mutating func callEnded() -> EndAction {
        switch state {
        case .open(var open):
            open.callsInFlight -= 1
            let isOver = open.callsInFlight == 0 && (open.inputClosed || open.lastID != nil)
            state = isOver ? .closed : .open(open)
            return isOver ? .close : .wait
        case .awaitingHello, .authenticating, .faulted, .closed:
            return .wait
        }
    }

    /// The peer closed its side: what was asked is answered.
    mutating func inputClosed() -> EndAction {
        switch state {
        case .open(var open):
            open.inputClosed = true
            let isOver = open.callsInFlight == 0
            state = isOver ? .closed : .open(open)
            return isOver ? .close : .wait
        case .authenticating:
            // The refusal is still to be told.
            return .wait
        case .awaitingHello:
            state = .closed
            return .close
        case .faulted, .closed:
            return .close
        }
    }

    enum DrainAction {
        /// Tell the peer that ids above `lastID` are not started. With no calls in flight, close then.
        case sendGoAway(lastID: UInt64, callsInFlight: Int)
        case ignore
    }

    /// The broker shuts down. Idempotent.
    mutating func drain() -> DrainAction {
        switch state {
        case .open(var open):
            guard open.lastID == nil else { return .ignore }
            open.lastID = open.highestID
            state = open.callsInFlight == 0 ? .closed : .open(open)
            return .sendGoAway(lastID: open.highestID, callsInFlight: open.callsInFlight)
        case .awaitingHello, .authenticating:
            state = .closed
            return .sendGoAway(lastID: 0, callsInFlight: 0)
        case .faulted, .closed:
            return .ignore
        }
    }

    /// The connection ends: by a fault, or because it is gone. Returns the last id that may have been started; nil
    /// where it had ended before.
    mutating func close() -> UInt64? {
        switch state {
        case .open(let open):
            state = .closed
            return open.lastStarted
        case .faulted(let lastID):
            state = .closed
            return lastID
        case .awaitingHello, .authenticating:
            state = .closed
            return 0
        case .closed:
            return nil
        }
    }

    private static let maximumClientNameLength = 128

    private static let draining = BackendError(
        .shuttingDown,
        message: "the broker shuts down and starts no more calls: connect again and repeat the call",
        isRetryable: true
    )

    private static let secondHello = protocolError("a second hello: send one, first")

    private static func protocolError(_ message: String) -> BackendError {
        BackendError(.protocolError, message: message)
    }

    private static func unsupported(_ versions: ClosedRange<UInt32>) -> BackendError {
        BackendError(
            .protocolError,
            message: "the client speaks versions \(versions.lowerBound) to \(versions.upperBound) of the protocol, the "
                + "broker \(protocolVersion): use a client that speaks it"
        )
    }

    private static func tooManyCalls(_ used: Int, _ allowed: Int) -> BackendError {
        BackendError(
            .resourceExhausted,
            message: "\(used) calls of this connection are unanswered, at most \(allowed) may be: wait for answers",
            isRetryable: true,
            limit: LimitDetails(name: "connection_calls_in_flight", used: UInt64(used), allowed: UInt64(allowed))
        )
    }
}
