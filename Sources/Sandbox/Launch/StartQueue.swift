/// Who may set up a sandbox now and who waits for it, first come first served. No clock, no lock, no continuation.
struct StartQueue {
    /// Names one start. Never used twice.
    typealias Ticket = UInt64

    enum Entry: Equatable {
        case proceed
        case wait(Ticket)
        case refused
    }

    private var free: Int
    private let maximumWaiting: Int
    private var nextTicket: Ticket = 0
    /// No ticket below it waits.
    private var firstTicket: Ticket = 0
    private var waiting: Set<Ticket> = []

    init(slots: Int, maximumWaiting: Int) {
        free = slots
        self.maximumWaiting = maximumWaiting
    }

    mutating func enter() -> Entry {
        if free > 0 {
            free -= 1
            return .proceed
        }
        guard waiting.count < maximumWaiting else { return .refused }
        defer { nextTicket += 1 }
        waiting.insert(nextTicket)
        return .wait(nextTicket)
    }

    /// A slot is given back. Returns who has it now.
    mutating func leave() -> Ticket? {
        while firstTicket < nextTicket {
            defer { firstTicket += 1 }
            if waiting.remove(firstTicket) != nil { return firstTicket }
        }
        free += 1
        return nil
    }

    func isWaiting(_ ticket: Ticket) -> Bool {
        waiting.contains(ticket)
    }

    /// A start waits no more. False: it has its slot already, and gives it back.
    mutating func abandon(_ ticket: Ticket) -> Bool {
        waiting.remove(ticket) != nil
    }
}
