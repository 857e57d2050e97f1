/// Tokens that come back at a steady rate: at most one second's worth is kept. Exact: no part of a token is lost to
/// rounding, however often the time is asked for.
struct RateBucket {
    /// Per second, at least 1.
    private(set) var rate: Int
    /// In units of 10⁻¹⁸ tokens, of which one second's attosecond brings `rate`. Below zero: in debt.
    private var level: Int128
    private var refilledAt: Duration

    /// A full one.
    init(rate: Int, at now: Duration) {
        self.rate = rate
        level = Int128(rate) * Self.token
        refilledAt = now
    }

    /// Brings the level up to date. A time before the last one changes nothing.
    mutating func refill(at now: Duration) {
        let elapsed = (now - refilledAt).attoseconds
        guard elapsed > 0 else { return }
        refilledAt = now
        level = min(Int128(rate) * Self.token, level + Int128(rate) * min(elapsed, Self.longestRefill))
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

    /// Takes tokens whether or not they are there.
    mutating func charge(_ count: Int) {
        level -= Int128(count) * Self.token
    }

    /// Puts back what was taken and not used.
    mutating func giveBack(_ count: Int) {
        level = min(Int128(rate) * Self.token, level + Int128(count) * Self.token)
    }

    var isInDebt: Bool { level <= 0 }

    /// Time until there are so many whole tokens; zero where there are.
    func time(until count: Int) -> Duration {
        let missing = Int128(count) * Self.token - level
        return missing <= 0 ? .zero : Duration(attoseconds: (missing - 1) / Int128(rate) + 1)
    }

    /// Time until ``isInDebt`` is false.
    var timeInDebt: Duration {
        isInDebt ? Duration(attoseconds: -level / Int128(rate) + 1) : .zero
    }

    mutating func setRate(_ rate: Int, at now: Duration) {
        refill(at: now)
        self.rate = rate
        level = min(level, Int128(rate) * Self.token)
    }

    private static var token: Int128 { 1_000_000_000_000_000_000 }
    /// Attoseconds: ten thousand seconds. What is multiplied by a rate must not overflow.
    private static var longestRefill: Int128 { 10_000 * token }
}
