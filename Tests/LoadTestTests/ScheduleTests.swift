import Foundation
import Testing

@testable import loadtest

/// What decides when is called, and what: values with a seed.
@Suite struct ScheduleTests {
    private func times(
        _ from: Double,
        _ to: Double,
        _ seconds: Double,
        _ arrivals: Arrivals,
        phase: Double = 0,
        seed: UInt64 = 1
    ) -> [UInt64] {
        var schedule = ArrivalSchedule(
            from: from,
            to: to,
            duration: .seconds(seconds),
            arrivals: arrivals,
            phase: phase,
            seed: seed
        )
        var times: [UInt64] = []
        while let next = schedule.next {
            times.append(next)
            schedule.advance()
        }
        return times
    }

    // MARK: Arrivals

    @Test func constantArrivalsAreAtEvenDistances() {
        #expect(times(4, 4, 1, .constant) == [0, 250_000_000, 500_000_000, 750_000_000])
        #expect(times(2, 2, 1, .constant, phase: 0.5) == [250_000_000, 750_000_000])
        #expect(times(0, 0, 1, .constant) == [])
    }

    @Test func twoGeneratorsShareARateWithoutBunching() {
        let both = (times(50, 50, 1, .constant, phase: 0) + times(50, 50, 1, .constant, phase: 0.5)).sorted()
        #expect(both == times(100, 100, 1, .constant))
    }

    @Test func aRampHasTheArrivalsOfItsIntegral() {
        // From 0 to 100 in 10 s: half of 1000, the k-th where t²·5 = k.
        let ramp = times(0, 100, 10, .constant)
        #expect(ramp.count == 500)
        #expect(abs(Double(ramp[125]) / 1e9 - 5) < 1e-6)
        #expect(ramp == ramp.sorted())
        let down = times(100, 0, 10, .constant)
        #expect(down.count == 500 && abs(Double(down[375]) / 1e9 - 5) < 1e-6)
    }

    @Test func poissonArrivalsHaveTheirRateAndItsVariance() {
        let all = times(1000, 1000, 100, .poisson)
        // Of a Poisson number with mean 100,000, five standard deviations.
        #expect(abs(Double(all.count) - 100_000) < 5 * 316.3)
        let gaps = zip(all.dropFirst(), all).map { Double($0 - $1) / 1e6 }
        let mean = gaps.reduce(0, +) / Double(gaps.count)
        let variance = gaps.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(gaps.count)
        // An exponential distribution deviates by its mean; distances of evenly spread calls would not at all.
        #expect(abs(variance.squareRoot() / mean - 1) < 0.03)
        #expect(times(1000, 1000, 1, .poisson, seed: 2) == times(1000, 1000, 1, .poisson, seed: 2))
        #expect(times(1000, 1000, 1, .poisson, seed: 2) != times(1000, 1000, 1, .poisson, seed: 3))
    }

    // MARK: Keys

    private func draws(_ distribution: KeyDistribution, _ count: Int, of keys: Int) -> [Int: Int] {
        var (sampler, generator) = (KeySampler(distribution, count: keys), SeededGenerator(seed: 3))
        return (0..<count).reduce(into: [:]) { counts, _ in counts[sampler.next(using: &generator), default: 0] += 1 }
    }

    @Test func zipfGivesEachRankItsShare() {
        let counts = draws(.zipf(1), 100_000, of: 100)
        let sum = (1...100).reduce(0.0) { $0 + 1 / Double($1) }
        for rank in [1, 2, 10, 100] {
            let expected = 100_000 / Double(rank) / sum
            #expect(abs(Double(counts[rank - 1] ?? 0) - expected) < 5 * expected.squareRoot(), "rank \(rank)")
        }
        #expect(counts.keys.allSatisfy { (0..<100).contains($0) })
    }

    @Test func uniformGivesAllTheSame() {
        let counts = draws(.uniform, 100_000, of: 10)
        #expect(counts.count == 10 && counts.values.allSatisfy { abs($0 - 10_000) < 500 })
    }

    @Test func freshKeysNeverComeAgain() {
        let counts = draws(.fresh, 1000, of: 10)
        #expect(counts.count == 1000 && counts.values.allSatisfy { $0 == 1 })
    }

    @Test func distributionsAsText() {
        for text in ["uniform", "fresh", "zipf 0.9"] { #expect(KeyDistribution(text)?.text == text) }
        for text in ["", "zipf x", "zipf -1", "uniform 2", "normal"] {
            #expect(KeyDistribution(text) == nil, "\(text)")
        }
    }

    @Test func weightsAreShares() {
        let weighted = Weighted([("a", 1), ("b", 0), ("c", 3)])
        #expect([0, 0.24, 0.26, 0.99].map(weighted.element) == ["a", "a", "c", "c"])
    }

    // MARK: The search

    /// Tries rates against a server that keeps the promise up to some rate.
    private func search(_ settings: RateSearch.Settings, capacity: Double) -> RateSearch {
        var search = RateSearch(settings)
        while let rate = search.next {
            let isFine = rate <= capacity
            search.tried(rate, achieved: min(rate, capacity), p99Microseconds: isFine ? 900 : 40_000, isComplete: true)
        }
        return search
    }

    private func settings(from: Double = 100, to: Double = 1e6) -> RateSearch.Settings {
        RateSearch.Settings(p99: TimeSpan(nanoseconds: 1_000_000), from: from, to: to, step: .seconds(1))
    }

    @Test(arguments: [130.0, 1000, 47_111, 5]) func theSearchFindsTheHighestRate(_ capacity: Double) throws {
        let search = search(settings(), capacity: capacity)
        let highest = try #require(search.highest)
        #expect(highest <= capacity && capacity / highest < 1.06)
        #expect(search.points.count <= 24)
    }

    @Test func theSearchStaysInItsBounds() {
        #expect(search(settings(to: 3000), capacity: 1e9).highest == 3000)
        let none = search(settings(), capacity: 0.1)
        #expect(none.highest == nil && none.points.allSatisfy { !$0.kept })
    }

    @Test func aRateThatIsNotAnsweredIsNotKept() {
        var search = RateSearch(settings())
        search.tried(100, achieved: 94, p99Microseconds: 10, isComplete: true)
        search.tried(100, achieved: 100, p99Microseconds: 10, isComplete: false)
        search.tried(100, achieved: 100, p99Microseconds: 1001, isComplete: true)
        #expect(search.points.map(\.kept) == [false, false, false])
        search.tried(50, achieved: 48, p99Microseconds: 1000, isComplete: true)
        #expect(search.highest == 50)
    }
}
