/// How often something may happen: a bucket that holds so many tokens and fills up with time. A value without a clock:
/// `now` is the time since any one moment.
///
/// The generic cell rate algorithm (ITU-T I.371): one number says when the bucket will be full.
struct TokenBucket: Sendable {
    /// How fast a bucket fills, and how much it holds.
    struct Rate: Sendable, Hashable {
        /// Of one token.
        let interval: Duration
        let capacity: Int

        init(perSecond: Int, capacity: Int) {
            interval = .seconds(1) / max(1, perSecond)
            self.capacity = capacity
        }
    }

    private var fullAt: Duration

    /// A full one.
    init(at now: Duration) {
        fullAt = now
    }

    /// Takes a token. Returns how long it takes until there is one, where there is none.
    mutating func take(at now: Duration, _ rate: Rate) -> Duration? {
        let next = max(fullAt, now) + rate.interval
        let excess = next - now - rate.interval * rate.capacity
        guard excess <= .zero else { return excess }
        fullAt = next
        return nil
    }

    /// What a token was taken for is not to count.
    mutating func giveBack(_ rate: Rate) {
        fullAt -= rate.interval
    }

    func isFull(at now: Duration) -> Bool { fullAt <= now }
}
