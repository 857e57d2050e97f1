internal import AgentBackend

/// Events between those who make them and the thread that writes them: bounded, and what does not fit is counted by org.
/// A value: its driver has the lock, the thread and the continuations.
///
/// `Wait` is who waits for an event's record.
struct AuditQueue<Wait> {
    /// What whoever added an event does next.
    enum Addition: Equatable {
        case nothing
        case wakeWriter
        case startWriter
        /// There is no room, or no writer any more. It is counted.
        case refused
    }

    struct Batch {
        var events: [AuditEvent] = []
        /// Of each event.
        var tickets: [UInt64?] = []
        /// Events of an org that were refused since the last batch.
        var missing: [String: UInt64] = [:]

        fileprivate var isEmpty: Bool { events.isEmpty && missing.isEmpty }
        fileprivate var isAwaited: Bool { tickets.contains { $0 != nil } }
    }

    enum Next {
        case write(Batch)
        /// Until it is woken, or something is due.
        case wait
        case end
    }

    private enum Writer {
        case notStarted
        case working
        /// For a moment, after a batch.
        case gathering
        case idle
        case ended
    }

    private var batch = Batch()
    private var bytes = 0
    private var bytesByOrg: [String: Int] = [:]
    private var waits: [UInt64: Wait] = [:]
    private var lastTicket: UInt64 = 0
    private var writer = Writer.notStarted
    private var isClosed = false

    // MARK: Events

    /// Nobody waits for its record.
    mutating func add(_ event: AuditEvent, maximumBytes: Int) -> Addition {
        add(event, ticket: nil, maximumBytes: maximumBytes)
    }

    mutating func makeTicket() -> UInt64 {
        lastTicket += 1
        return lastTicket
    }

    /// `wait` is kept until its record is written, or it is taken back; not where the event is refused.
    mutating func add(_ event: AuditEvent, ticket: UInt64, wait: Wait, maximumBytes: Int) -> Addition {
        let addition = add(event, ticket: ticket, maximumBytes: maximumBytes)
        if addition != .refused { waits[ticket] = wait }
        return addition
    }

    private mutating func add(_ event: AuditEvent, ticket: UInt64?, maximumBytes: Int) -> Addition {
        let (org, size) = (event.operation.org, event.footprint)
        let ofOrg = bytesByOrg[org, default: 0] + size
        // Once half is taken, whoever has much waiting does not take the room of the others.
        guard !isClosed, bytes + size <= maximumBytes, bytes <= maximumBytes / 2 || ofOrg <= maximumBytes / 4 else {
            batch.missing[org, default: 0] += 1
            return .refused
        }
        batch.events.append(event)
        batch.tickets.append(ticket)
        bytes += size
        bytesByOrg[org] = ofOrg
        switch writer {
        case .notStarted:
            writer = .working
            return .startWriter
        case .gathering where ticket == nil && bytes < maximumBytes / 2: return .nothing
        case .gathering, .idle:
            writer = .working
            return .wakeWriter
        case .working, .ended: return .nothing
        }
    }

    /// Whoever waits does so no more. Nil: it was told already.
    mutating func takeWait(_ ticket: UInt64) -> Wait? { waits.removeValue(forKey: ticket) }

    /// Takes an event back. False: the writer has it.
    mutating func withdraw(_ ticket: UInt64) -> Bool {
        guard let index = batch.tickets.lastIndex(of: ticket) else { return false }
        batch.tickets.remove(at: index)
        let event = batch.events.remove(at: index)
        bytes -= event.footprint
        bytesByOrg[event.operation.org, default: 0] -= event.footprint
        return true
    }

    // MARK: The writer

    mutating func next() -> Next {
        guard !batch.isEmpty else {
            writer = isClosed ? .ended : .idle
            return isClosed ? .end : .wait
        }
        writer = .working
        bytes = 0
        bytesByOrg = [:]
        defer { batch = Batch() }
        return .write(batch)
    }

    /// The writer may rest for a moment after a batch, while no event wakes it: to wake it for each costs more than to
    /// write it. False: it goes on, as somebody waits, or there is much to do.
    mutating func beginGathering(maximumBytes: Int) -> Bool {
        guard !isClosed, !batch.isAwaited, bytes < maximumBytes / 2 else { return false }
        writer = .gathering
        return true
    }

    /// There is no thread for a writer: the next event tries again. Returns who need not wait.
    mutating func startFailed() -> [Wait] {
        writer = .notStarted
        for event in batch.events { batch.missing[event.operation.org, default: 0] += 1 }
        batch.events = []
        batch.tickets = []
        bytes = 0
        bytesByOrg = [:]
        defer { waits = [:] }
        return Array(waits.values)
    }

    /// No event is taken from now on. Returns whether there is a writer to wake; without one all is done.
    mutating func close() -> Bool {
        isClosed = true
        switch writer {
        case .notStarted, .ended:
            writer = .ended
            return false
        case .idle, .gathering, .working:
            writer = .working
            return true
        }
    }
}
