internal import DequeModule

/// Whose turn it is to start a command, where more want to than gain from it: parties take turns, and within one it is
/// first come, first served. No clock, no lock, no continuation.
struct StartQueue<Party: Hashable> {
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
    private var waiting: Set<Ticket> = []
    /// With those that gave up, until it is their turn.
    private var tickets: [Party: Deque<Ticket>] = [:]
    /// Those that have tickets, in the order of their turns.
    private var turns: Deque<Party> = []

    init(slots: Int, maximumWaiting: Int) {
        free = slots
        self.maximumWaiting = maximumWaiting
    }

    mutating func enter(_ party: Party) -> Entry {
        if free > 0 {
            free -= 1
            return .proceed
        }
        guard waiting.count < maximumWaiting else { return .refused }
        defer { nextTicket += 1 }
        waiting.insert(nextTicket)
        if tickets[party] == nil { turns.append(party) }
        tickets[party, default: []].append(nextTicket)
        return .wait(nextTicket)
    }

    /// A slot is given back. Returns who has it now.
    mutating func leave() -> Ticket? {
        while let party = turns.popFirst() {
            guard let ticket = takeTicket(of: party) else { continue }
            if tickets[party] != nil { turns.append(party) }
            return ticket
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

    /// The first that still waits. A party without more of them is forgotten.
    private mutating func takeTicket(of party: Party) -> Ticket? {
        guard var queue = tickets.removeValue(forKey: party) else { return nil }
        var taken: Ticket?
        while taken == nil, let ticket = queue.popFirst() {
            if waiting.remove(ticket) != nil { taken = ticket }
        }
        if !queue.isEmpty { tickets[party] = queue }
        return taken
    }
}
