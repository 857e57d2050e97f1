import Testing

@testable import BrokerServer

/// A bucket that can be used within an expectation.
private final class Tokens {
    private var bucket: TokenBucket

    init(_ rate: TokenBucket.Rate, at now: Duration) { bucket = TokenBucket(rate, at: now) }
    convenience init(rate: Int, at now: Duration) { self.init(.perSecond(rate), at: now) }

    func refill(at now: Duration) { bucket.refill(at: now) }
    func take(at now: Duration) -> Duration? { bucket.take(at: now) }
    func isFull(at now: Duration) -> Bool { bucket.isFull(at: now) }
    func take(upTo count: Int) -> Int { bucket.take(upTo: count) }
    func charge(_ count: Int) { bucket.charge(count) }
    func giveBack(_ count: Int) { bucket.giveBack(count) }
    func setRate(_ rate: Int, at now: Duration) { bucket.setRate(.perSecond(rate), at: now) }
    func time(until count: Int) -> Duration { bucket.time(until: count) }
    var isInDebt: Bool { bucket.isInDebt }
    var timeInDebt: Duration { bucket.timeInDebt }
}

@Suite struct TokenBucketTests {
    @Test func beginsFullAndHoldsOneSecond() {
        let bucket = Tokens(rate: 10, at: .zero)
        #expect(bucket.take(upTo: 100) == 10)
        #expect(bucket.take(upTo: 1) == 0)
        bucket.refill(at: .seconds(3600))
        #expect(bucket.take(upTo: 100) == 10)
    }

    /// A third of a second is no whole number of any unit of time: three refills must bring exactly one second's tokens.
    @Test(arguments: [3, 7, 1000, 999_983, 1_000_000_000])
    func losesNothingToRounding(rate: Int) {
        let bucket = Tokens(rate: rate, at: .zero)
        #expect(bucket.take(upTo: rate) == rate)
        var taken = 0
        // At odd moments, 1,000 in a second.
        for step in 1...3000 {
            bucket.refill(at: .nanoseconds(Int64(step) * 1_000_000 - (step.isMultiple(of: 3000) ? 0 : 333)))
            taken += bucket.take(upTo: .max >> 1)
        }
        #expect(taken == 3 * rate)
    }

    /// Not a moment too early, and not one too late.
    @Test(arguments: [1, 3, 7, 1_000_000])
    func tellsWhenThereAreTokens(rate: Int) {
        let bucket = Tokens(rate: rate, at: .zero)
        _ = bucket.take(upTo: rate)
        let wait = bucket.time(until: 1)
        bucket.refill(at: wait - Duration(attoseconds: 1))
        #expect(bucket.take(upTo: 1) == 0)
        bucket.refill(at: wait)
        #expect(bucket.take(upTo: 1) == 1)
    }

    @Test func aDebtIsPaidFirst() {
        let bucket = Tokens(rate: 100, at: .zero)
        bucket.charge(300)
        #expect(bucket.isInDebt)
        #expect(bucket.time(until: 1) == .milliseconds(2010))
        let wait = bucket.timeInDebt
        bucket.refill(at: .seconds(2))
        #expect(bucket.isInDebt)
        bucket.refill(at: wait)
        #expect(!bucket.isInDebt)
    }

    @Test func whatIsGivenBackDoesNotOverflow() {
        let bucket = Tokens(rate: 5, at: .zero)
        #expect(bucket.take(upTo: 3) == 3)
        bucket.giveBack(2)
        #expect(bucket.take(upTo: 9) == 4)
        bucket.refill(at: .seconds(1))
        bucket.giveBack(4)
        #expect(bucket.take(upTo: 9) == 5)
    }

    @Test func anotherRateCountsFromThenOn() {
        let bucket = Tokens(rate: 10, at: .zero)
        _ = bucket.take(upTo: 10)
        bucket.setRate(100, at: .milliseconds(500))
        #expect(bucket.take(upTo: 100) == 5)
        bucket.refill(at: .milliseconds(600))
        #expect(bucket.take(upTo: 100) == 10)
        bucket.refill(at: .seconds(9))
        bucket.setRate(3, at: .seconds(9))
        #expect(bucket.take(upTo: 100) == 3)
    }

    @Test func timeThatRunsBackwardsChangesNothing() {
        let bucket = Tokens(rate: 10, at: .seconds(5))
        _ = bucket.take(upTo: 10)
        bucket.refill(at: .seconds(4))
        #expect(bucket.take(upTo: 1) == 0)
        bucket.refill(at: .seconds(5) + .milliseconds(100))
        #expect(bucket.take(upTo: 2) == 1)
    }

    // MARK: A capacity of its own

    private static let burst = TokenBucket.Rate(perSecond: 10, capacity: 3)

    @Test func holdsSoManyAndFillsUpWithTime() {
        let bucket = Tokens(Self.burst, at: .seconds(5))
        for _ in 0..<3 { #expect(bucket.take(at: .seconds(5)) == nil) }
        #expect(bucket.take(at: .seconds(5)) == .milliseconds(100))
        #expect(bucket.take(at: .milliseconds(5099)) == .milliseconds(1))
        #expect(bucket.take(at: .milliseconds(5100)) == nil)
        #expect(bucket.take(at: .milliseconds(5100)) == .milliseconds(100))
    }

    /// However long nothing was taken, it holds no more than its capacity.
    @Test func isNeverMoreThanFull() {
        let bucket = Tokens(Self.burst, at: .zero)
        #expect(bucket.take(at: .zero) == nil)
        #expect(!bucket.isFull(at: .milliseconds(99)))
        #expect(bucket.isFull(at: .milliseconds(100)))
        for _ in 0..<3 { #expect(bucket.take(at: .seconds(1000)) == nil) }
        #expect(bucket.take(at: .seconds(1000)) != nil)
    }

    @Test func whatIsGivenBackCanBeTakenAgain() {
        let bucket = Tokens(Self.burst, at: .zero)
        for _ in 0..<1000 {
            #expect(bucket.take(at: .zero) == nil)
            bucket.giveBack(1)
        }
        #expect(bucket.isFull(at: .zero))
    }
}
