/// How often something may happen: tokens that come back at a steady rate, of which so many are kept. Exact: no part of a
/// token is lost to rounding, however often the time is asked for. A value without a clock: `now` is the time since any
/// one moment.
struct TokenBucket: Sendable {
    /// How fast a bucket fills, and how much it holds.
    struct Rate: Sendable, Hashable {
        /// At least 1.
        let perSecond: Int
        let capacity: Int

        init(perSecond: Int, capacity: Int) {
            self.perSecond = max(1, perSecond)
            self.capacity = capacity
        }

        /// What comes in a second is kept.
        static func perSecond(_ count: Int) -> Rate { Rate(perSecond: count, capacity: max(1, count)) }
    }

    private(set) var rate: Rate
    /// In units of 10⁻¹⁸ tokens, of which each attosecond brings as many as tokens come in a second. Below zero: in debt.
    private var level: Int128
    private var refilledAt: Duration

    /// A full one.
    init(_ rate: Rate, at now: Duration) {
        self.rate = rate
        level = Int128(rate.capacity) * Self.token
        refilledAt = now
    }

    /// Brings the level up to date. A time before the last one changes nothing.
    mutating func refill(at now: Duration) {
        let elapsed = (now - refilledAt).attoseconds
        guard elapsed > 0 else { return }
        refilledAt = now
        level = min(full, level + Int128(rate.perSecond) * min(elapsed, Self.longestRefill))
    }

    /// Takes as many whole tokens as there are, at most `count`, and says how many.
    mutating func take(upTo count: Int) -> Int {
        let wanted = Int128(count) * Self.token
        if level >= wanted {
            level -= wanted
            return count
        }
        guard level >= Self.token else { return 0 }
        let available = Int(level / Self.token)
        level -= Int128(available) * Self.token
        return available
    }

    /// Takes a token. Returns how long it takes until there is one, where there is none.
    mutating func take(at now: Duration) -> Duration? {
        refill(at: now)
        return take(upTo: 1) == 1 ? nil : time(until: 1)
    }

    /// Takes tokens whether or not they are there.
    mutating func charge(_ count: Int) {
        level -= Int128(count) * Self.token
    }

    /// Puts back what was taken and not used. Less than zero: takes as ``charge(_:)`` does.
    mutating func giveBack(_ count: Int) {
        level = min(full, level + Int128(count) * Self.token)
    }

    var isInDebt: Bool { level <= 0 }

    func isFull(at now: Duration) -> Bool {
        var bucket = self
        bucket.refill(at: now)
        return bucket.level >= full
    }

    /// Time until there are so many whole tokens; zero where there are.
    func time(until count: Int) -> Duration {
        let missing = Int128(count) * Self.token - level
        return missing <= 0 ? .zero : Duration(attoseconds: (missing - 1) / Int128(rate.perSecond) + 1)
    }

    /// Time until ``isInDebt`` is false.
    var timeInDebt: Duration {
        isInDebt ? Duration(attoseconds: -level / Int128(rate.perSecond) + 1) : .zero
    }

    mutating func setRate(_ rate: Rate, at now: Duration) {
        refill(at: now)
        self.rate = rate
        level = min(level, full)
    }

    private var full: Int128 { Int128(rate.capacity) * Self.token }
    private static var token: Int128 { 1_000_000_000_000_000_000 }
    /// Attoseconds: ten thousand seconds. What is multiplied by a rate must not overflow.
    private static var longestRefill: Int128 { 10_000 * token }
}
