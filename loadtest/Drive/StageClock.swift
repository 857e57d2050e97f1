/// When the calls of a stage are due, and how long they took from then. A value without clock and I/O: times are arguments,
/// in nanoseconds from the stage's begin.
struct StageClock {
    private let load: StageLoad
    private var schedule: ArrivalSchedule?
    /// Calls of a closed loop that may be unanswered.
    private let places: Int
    private let mostUnanswered: Int
    /// Unanswered calls of each connection while files or entries are made.
    static let touchDepth = 32

    private var started = 0
    private(set) var unanswered = 0
    private(set) var tally: StageTally

    /// - Parameters:
    ///   - connections: Of a closed loop, whose calls are shared out among them.
    ///   - mostUnanswered: A call that is due while so many are, is not made, but counted.
    init(_ load: StageLoad, connections: Int, mostUnanswered: Int) {
        self.load = load
        self.mostUnanswered = mostUnanswered
        tally = StageTally(duration: load.duration)
        switch load.kind {
        case .open(let from, let to, let arrivals, let phase):
            places = .max
            schedule = ArrivalSchedule(
                from: from,
                to: to,
                duration: load.duration,
                arrivals: arrivals,
                phase: phase,
                seed: load.seed
            )
        case .closed(let depth): places = depth * connections
        case .touch, .prepare: places = Self.touchDepth * connections
        case .none: places = 0
        }
    }

    /// Whether a next call would be made only because one before it was answered.
    var isClosed: Bool { schedule == nil }

    /// When the next call is due: at once for a closed loop with a free place. Nil: not before an answer, or never.
    func nextDue(at now: UInt64) -> UInt64? {
        guard started < load.calls else { return nil }
        if let schedule { return schedule.next }
        return unanswered < places && now < load.duration.nanoseconds ? now : nil
    }

    /// Takes the call that is due. Returns when it was, or nil where too many are unanswered.
    mutating func take(at now: UInt64) -> UInt64? {
        guard let due = nextDue(at: now), due <= now else { return nil }
        schedule?.advance()
        started += 1
        guard unanswered < mostUnanswered else {
            tally.overruns += 1
            return nil
        }
        unanswered += 1
        return due
    }

    /// No call is due any more.
    func isOver(at now: UInt64) -> Bool {
        started >= load.calls || (schedule.map { $0.next == nil } ?? true) && now >= load.duration.nanoseconds
    }

    mutating func answered(_ call: Call, due: UInt64, at now: UInt64) {
        unanswered -= 1
        tally.answered(call, due: due, latency: now > due ? now - due : 0)
    }

    mutating func failed(_ call: Call, _ error: ServerError) {
        unanswered -= 1
        tally.failed(call, error)
    }

    mutating func lost() {
        unanswered -= 1
        tally.lost += 1
    }

    /// All its calls are answered.
    mutating func ended(at now: UInt64) { tally.seconds = Double(now) / 1e9 }

    mutating func connected(in latency: UInt64) { tally.connects.record(nanoseconds: latency) }
}
