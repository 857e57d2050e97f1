internal import BrokerWire

/// Which calls a broker that ends still waits for, and what became of the others.
///
/// Knows no connection or clock; ``BrokerDrain`` drives it.
struct DrainStateMachine {
    private enum State {
        /// Becomes `draining`.
        case serving
        /// `unheard`: connections that have not yet said what they have in flight. Becomes `drained`.
        case draining(unheard: Int, inFlight: Int)
        case drained
    }

    /// How a call ended that was in flight when the broker began to end.
    enum Outcome: Sendable {
        case finished
        case cancelled
        case abandoned
    }

    private var state = State.serving
    /// Beside the connections.
    private var others = 0
    private(set) var report = DrainReport()

    /// Nil: not yet.
    var result: DrainReport? {
        if case .drained = state { report } else { nil }
    }

    var isDraining: Bool {
        if case .serving = state { false } else { true }
    }

    /// Something that is no connection will tell what it has in flight, as connections do: what runs in the background.
    /// Before ``began(connections:)``.
    mutating func expectsAnother() {
        others += 1
    }

    /// True: that was the last one that was waited for. As of all other events.
    mutating func began(connections: Int) -> Bool {
        guard case .serving = state else { return false }
        report.connections = UInt32(clamping: connections)
        return advance(unheard: connections + others, inFlight: 0)
    }

    /// One that was on its way.
    mutating func connectionCame() -> Bool {
        guard case .draining(let unheard, let inFlight) = state else { return false }
        return advance(unheard: unheard + 1, inFlight: inFlight)
    }

    /// A connection takes no more calls, and has some in flight.
    mutating func connectionDrains(calls: Int) -> Bool {
        guard case .draining(let unheard, let inFlight) = state else { return false }
        return advance(unheard: unheard - 1, inFlight: inFlight + calls)
    }

    mutating func callEnded(_ outcome: Outcome) -> Bool {
        guard case .draining(let unheard, let inFlight) = state else { return false }
        switch outcome {
        case .finished: report.finished += 1
        case .cancelled: report.cancelled += 1
        case .abandoned: report.abandoned += 1
        }
        return advance(unheard: unheard, inFlight: inFlight - 1)
    }

    private mutating func advance(unheard: Int, inFlight: Int) -> Bool {
        let isOver = unheard == 0 && inFlight == 0
        state = isOver ? .drained : .draining(unheard: unheard, inFlight: inFlight)
        return isOver
    }
}
