import Foundation
import Testing

@testable import loadtest

/// The engine on a clock of the test's, against a server that stops answering for a second in every ten.
@Suite struct StageClockTests {
    private static let millisecond: UInt64 = 1_000_000
    private static let second: UInt64 = 1_000_000_000
    private static let call = Call(kind: .echo, org: 0, key: 0)

    /// Takes a millisecond for a call, any number of them at a time; but from 9 s on, of every 10 s, answers nothing until
    /// these are over.
    private static func answerTime(of sent: UInt64) -> UInt64 {
        let inPeriod = sent % (10 * second)
        let isStalled = inPeriod >= 9 * second
        return (isStalled ? sent - inPeriod + 10 * second : sent) + millisecond
    }

    /// Plays a stage: time goes from one event to the next.
    private static func play(_ load: StageLoad, connections: Int = 1, mostUnanswered: Int = 1_000_000) -> StageClock {
        var clock = StageClock(load, connections: connections, mostUnanswered: mostUnanswered)
        var underWay: [(answer: UInt64, due: UInt64)] = []
        var now: UInt64 = 0
        while true {
            while let next = clock.nextDue(at: now), next <= now {
                guard let due = clock.take(at: now) else { continue }
                underWay.append((answerTime(of: now), due))
            }
            let answered = underWay.filter { $0.answer <= now }
            underWay.removeAll { $0.answer <= now }
            for call in answered { clock.answered(Self.call, due: call.due, at: now) }
            if !answered.isEmpty { continue }
            if clock.isOver(at: now), underWay.isEmpty { return clock }
            let due = clock.isClosed ? nil : clock.nextDue(at: now)
            now = max(
                now + 1,
                [due, underWay.map(\.answer).min()].compactMap { $0 }.min() ?? load.duration.nanoseconds
            )
        }
    }

    private static func load(_ kind: StageLoad.Kind, seconds: Double = 100, calls: Int = .max) -> StageLoad {
        StageLoad(name: "", kind: kind, duration: .seconds(seconds), calls: calls, seed: 1)
    }

    /// Of what calls on an even schedule have to see, from the stalls alone.
    private static func expectedPercentile(_ percentile: Double, rate: UInt64, seconds: UInt64) -> Double {
        let all = (0..<rate * seconds).map { number in
            let due = number * second / rate
            return answerTime(of: due) - due
        }.sorted()
        return Double(all[min(Int((Double(all.count) * percentile / 100).rounded(.up)) - 1, all.count - 1)])
    }

    @Test func anOpenLoopShowsAStallAsItsCallersSeeIt() {
        let clock = Self.play(Self.load(.open(from: 200, to: 200, arrivals: .constant, phase: 0)))
        #expect(clock.tally.answered == 20_000)
        for percentile in [50.0, 90, 92, 95, 99, 99.9, 100] {
            let expected = Self.expectedPercentile(percentile, rate: 200, seconds: 100)
            let measured = Double(clock.tally.all.percentile(percentile))
            // The histogram has three digits.
            #expect(abs(measured / expected - 1) < 0.002, "p\(percentile): \(measured), should be \(expected)")
        }
        // A tenth of the calls fall into a stall, and wait for half of a second on average.
        #expect(Self.expectedPercentile(99, rate: 200, seconds: 100) > 0.89e9)
    }

    @Test func poissonArrivalsShowItAsWell() {
        let clock = Self.play(Self.load(.open(from: 200, to: 200, arrivals: .poisson, phase: 0)))
        let expected = Self.expectedPercentile(95, rate: 200, seconds: 100)
        #expect(abs(Double(clock.tally.all.percentile(95)) / expected - 1) < 0.1)
    }

    @Test func aClosedLoopOmitsIt() {
        let clock = Self.play(Self.load(.closed(depth: 1)))
        // One call in each stall, of tens of thousands: its percentiles know nothing of it.
        #expect(clock.tally.answered > 80_000)
        #expect(Double(clock.tally.all.percentile(99.9)) < 1.01e6)
        #expect(Double(clock.tally.all.percentile(100)) > 0.99e9)
    }

    @Test func theStallIsSeenWhenItWas() throws {
        let clock = Self.play(Self.load(.open(from: 100, to: 100, arrivals: .constant, phase: 0)))
        let interval = clock.tally.interval
        let slow = clock.tally.overTime.indices.filter { clock.tally.overTime[$0].percentile(100) > Self.second / 2 }
        let seconds = slow.map { Double($0) * interval.seconds }
        #expect(!seconds.isEmpty)
        #expect(seconds.allSatisfy { $0.truncatingRemainder(dividingBy: 10) > 9 - interval.seconds })
    }

    @Test func aCallThatIsDueWhileTooManyAreUnansweredIsCounted() {
        let open = StageLoad.Kind.open(from: 200, to: 200, arrivals: .constant, phase: 0)
        let clock = Self.play(Self.load(open, seconds: 10), mostUnanswered: 50)
        #expect(clock.tally.overruns == 150)
        #expect(clock.tally.answered == 2000 - 150)
    }

    @Test func noStageMakesMoreCallsThanItMay() {
        let open = StageLoad.Kind.open(from: 200, to: 200, arrivals: .poisson, phase: 0)
        #expect(Self.play(Self.load(open, calls: 17)).tally.answered == 17)
        #expect(Self.play(Self.load(.closed(depth: 4), calls: 17)).tally.answered == 17)
    }

    @Test func talliesAddUp() throws {
        let kind = StageLoad.Kind.open(from: 200, to: 200, arrivals: .constant, phase: 0)
        let whole = Self.play(Self.load(kind)).tally
        var sum = Self.play(Self.load(kind.share(0, of: 2))).tally
        let other = Self.play(Self.load(kind.share(1, of: 2))).tally
        // As it comes from another process.
        sum.add(try JSONDecoder().decode(StageTally.self, from: JSONEncoder().encode(other)))
        #expect(sum.answered == whole.answered)
        for percentile in [50.0, 95, 99.9] {
            #expect(sum.all.percentile(percentile) == whole.all.percentile(percentile))
        }
        #expect(sum.overTime.map(\.count) == whole.overTime.map(\.count))
    }
}
