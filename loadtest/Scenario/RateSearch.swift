/// Looks for the highest rate at which a load still keeps its promise: doubles until one is too high, then halves what lies
/// between. A value: it says what to try next and is told how that went.
struct RateSearch {
    struct Settings: Equatable {
        /// The promise: of the latency from when a call was due.
        var p99: TimeSpan
        /// Calls in a second: the first to try, and the highest.
        var from: Double
        var to: Double
        /// How long each rate is tried.
        var step: TimeSpan
        /// The search ends when the lowest rate that is too high is at most so many times the highest that is not.
        var precision = 1.05
        /// Rates that are tried at the most.
        var tries = 24

        init(p99: TimeSpan, from: Double, to: Double, step: TimeSpan) {
            (self.p99, self.from, self.to, self.step) = (p99, from, to, step)
        }
    }

    /// How one rate went.
    struct Point: Codable, Equatable {
        var rate: Double
        /// Answered in a second.
        var achieved: Double
        var p99Microseconds: Double
        var kept: Bool
    }

    /// Less than this part of the rate answered: the load does not keep up, whatever its percentiles say.
    static let leastAchieved = 0.95

    private let settings: Settings
    private(set) var points: [Point] = []
    private var lowestTooHigh: Double?

    /// The highest rate that kept the promise; nil: not even the first did.
    private(set) var highest: Double?

    init(_ settings: Settings) { self.settings = settings }

    /// What to try; nil: it is found.
    var next: Double? {
        guard points.count < settings.tries else { return nil }
        switch (highest, lowestTooHigh) {
        case (nil, nil): return settings.from
        case (let highest?, nil): return highest < settings.to ? min(highest * 2, settings.to) : nil
        case (nil, let lowest?): return lowest > settings.from / 64 ? lowest / 4 : nil
        case (let highest?, let lowest?):
            return lowest / highest > settings.precision ? (highest * lowest).squareRoot() : nil
        }
    }

    /// The rate that was ``next`` was tried.
    mutating func tried(_ rate: Double, achieved: Double, p99Microseconds: Double, isComplete: Bool) {
        let kept =
            isComplete && achieved >= rate * Self.leastAchieved
            && p99Microseconds * 1000 <= Double(settings.p99.nanoseconds)
        points.append(Point(rate: rate, achieved: achieved, p99Microseconds: p99Microseconds, kept: kept))
        if kept {
            highest = max(highest ?? 0, rate)
        } else {
            lowestTooHigh = min(lowestTooHigh ?? .infinity, rate)
        }
    }
}

extension RateSearch.Settings: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable { case p99, from, to, step, precision, tries }

    init(from decoder: any Decoder) throws {
        let container = try decoder.strictContainer(CodingKeys.self)
        p99 = try container.decode(TimeSpan.self, forKey: .p99)
        from = try container.decode(Double.self, forKey: .from)
        to = try container.decode(Double.self, forKey: .to)
        step = try container.decode(.step, or: .seconds(3))
        precision = try container.decode(.precision, or: 1.05)
        tries = try container.decode(.tries, or: 24)
    }
}
