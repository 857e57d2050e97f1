import Testing

@testable import BrokerServer

@Suite struct TokenBucketTests {
    private final class Subject {
        private var bucket: TokenBucket
        private let rate = TokenBucket.Rate(perSecond: 10, capacity: 3)

        init(at now: Duration) {
            bucket = TokenBucket(at: now)
        }

        func take(at now: Duration) -> Duration? { bucket.take(at: now, rate) }

        func giveBack() { bucket.giveBack(rate) }

        func isFull(at now: Duration) -> Bool { bucket.isFull(at: now) }
    }

    @Test func holdsSoManyAndFillsUpWithTime() {
        let bucket = Subject(at: .seconds(5))
        for _ in 0..<3 { #expect(bucket.take(at: .seconds(5)) == nil) }
        #expect(bucket.take(at: .seconds(5)) == .milliseconds(100))
        #expect(bucket.take(at: .milliseconds(5099)) == .milliseconds(1))
        #expect(bucket.take(at: .milliseconds(5100)) == nil)
        #expect(bucket.take(at: .milliseconds(5100)) == .milliseconds(100))
    }

    /// However long nothing was taken, it holds no more than its capacity.
    @Test func isNeverMoreThanFull() {
        let bucket = Subject(at: .zero)
        #expect(bucket.take(at: .zero) == nil)
        #expect(!bucket.isFull(at: .milliseconds(99)))
        #expect(bucket.isFull(at: .milliseconds(100)))
        for _ in 0..<3 { #expect(bucket.take(at: .seconds(1000)) == nil) }
        #expect(bucket.take(at: .seconds(1000)) != nil)
    }

    @Test func whatIsGivenBackCanBeTakenAgain() {
        let bucket = Subject(at: .zero)
        for _ in 0..<1000 {
            #expect(bucket.take(at: .zero) == nil)
            bucket.giveBack()
        }
        #expect(bucket.isFull(at: .zero))
    }
}
