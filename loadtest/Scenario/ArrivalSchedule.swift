internal import Glibc

/// How calls that do not wait for one another arrive.
enum Arrivals: String, Codable, CaseIterable {
    /// At even distances.
    case constant
    /// Independently of one another: distances are exponentially distributed.
    case poisson
}

/// When the calls of an open loop are due, in nanoseconds from its begin: on an absolute schedule, which knows nothing of
/// when calls are sent or answered. The rate goes from one to another in a straight line.
///
/// A value without a clock. The same seed gives the same schedule.
struct ArrivalSchedule {
    private let from: Double
    private let slope: Double
    private let duration: Double
    private let arrivals: Arrivals
    private var generator: SeededGenerator
    /// Calls that are due before the next one, on average: the integral of the rate.
    private var mean: Double

    /// When the next call is due; nil: there is none any more.
    private(set) var next: UInt64?

    /// - Parameters:
    ///   - from, to: Calls in a second at the begin and at the end.
    ///   - phase: Of even distances: which part of one lies before the first call, 0 to 1. Several generators that share
    ///     a rate have different ones.
    init(from: Double, to: Double, duration: TimeSpan, arrivals: Arrivals, phase: Double = 0, seed: UInt64) {
        self.from = max(from, 0)
        self.duration = duration.seconds
        slope = duration.seconds > 0 ? (max(to, 0) - self.from) / duration.seconds : 0
        self.arrivals = arrivals
        generator = SeededGenerator(seed: seed)
        mean = 0
        mean = arrivals == .constant ? phase : step()
        next = time()
    }

    /// The call that was ``next`` is taken.
    mutating func advance() {
        mean += step()
        next = time()
    }

    private mutating func step() -> Double {
        switch arrivals {
        case .constant: 1
        case .poisson: -log(1 - Double.random(in: 0..<1, using: &generator))
        }
    }

    /// When the integral of the rate comes to ``mean``.
    private func time() -> UInt64? {
        let seconds: Double
        if abs(slope) < 1e-9 {
            guard from > 0 else { return nil }
            seconds = mean / from
        } else {
            let root = from * from + 2 * slope * mean
            guard root >= 0 else { return nil }
            seconds = (root.squareRoot() - from) / slope
        }
        return seconds < duration ? UInt64(seconds * 1e9) : nil
    }
}
