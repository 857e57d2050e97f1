internal import AgentBackend

/// Sleepers, by the time at which they are to be woken, and when to look at the clock for that. Those that are taken out
/// leave nothing behind. No clock, no lock.
struct SleepQueue<Sleeper> {
    private var deadlines = TimerHeap<UInt64>()
    private var sleepers: [UInt64: (deadline: TimerHeap<UInt64>.ID, sleeper: Sleeper)] = [:]
    /// When the next look comes. That is not put off for one who is taken out. Nil: there is none.
    private var nextLook: Duration?

    var count: Int { sleepers.count }

    /// `id` is nobody else's. Returns whether the next look has to come sooner than it would.
    mutating func add(_ sleeper: Sleeper, id: UInt64, until deadline: Duration) -> Bool {
        sleepers[id] = (deadlines.insert(id, at: deadline), sleeper)
        guard nextLook.map({ deadline < $0 }) ?? true else { return false }
        nextLook = deadline
        return true
    }

    /// Nil: it was woken before.
    mutating func remove(_ id: UInt64) -> Sleeper? {
        guard let found = sleepers.removeValue(forKey: id) else { return nil }
        deadlines.remove(found.deadline)
        return found.sleeper
    }

    mutating func removeAll() -> [Sleeper] {
        let all = sleepers.values.map(\.sleeper)
        self = SleepQueue()
        return all
    }

    /// A look at the clock: takes out those whose time has come, and says how long it is to the next look.
    mutating func look(at now: Duration) -> (due: [Sleeper], next: Duration?) {
        var due: [Sleeper] = []
        while let id = deadlines.popDue(at: now) {
            if let found = sleepers.removeValue(forKey: id) { due.append(found.sleeper) }
        }
        nextLook = deadlines.earliest
        return (due, nextLook.map { $0 - now })
    }
}
