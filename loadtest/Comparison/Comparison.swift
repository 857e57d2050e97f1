/// Runs several contestants in turn, round after round, so that what else the machine does falls on all of them.
struct Comparison {
    /// At least one.
    var rounds: Int
    var time: RunTime

    /// Contestants that take turns, and what is asked of their figures.
    struct Scenario {
        /// The load, in a few letters.
        let load: String
        var contestants: [any Contestant]
        var questions: [Question]
    }

    /// How one contestant does, mostly beside another.
    struct Question {
        /// That of the list of targets; empty for one that is asked for information.
        var row = ""
        let measure: Measure
        let subject: String
        /// Of no meaning for a value.
        var baseline = ""
        var form = Form.ratio
        var target: Target?

        enum Form: String, Codable {
            /// Subject by baseline.
            case ratio
            /// Baseline by subject: how many times less the subject takes.
            case timesLess
            /// The subject's figure itself.
            case value
        }
    }

    /// `progress` gets a line after each round.
    func run(
        _ scenario: Scenario,
        _ interrupts: borrowing Interrupts,
        progress: (String) -> Void
    ) throws(LoadFailure) -> ComparisonReport.Scenario {
        var all: [[String: RunFigures]] = []
        for round in 1...max(rounds, 1) {
            var figures: [String: RunFigures] = [:]
            for contestant in scenario.contestants {
                figures[contestant.name] = try contestant.measure(time, interrupts)
            }
            let rates = scenario.contestants.map { "\($0.name) \(figures[$0.name]?.callsPerSecond.text(0) ?? "")" }
            progress("\(scenario.load)  round \(round) of \(rounds)  calls/s: \(rates.joined(separator: ", "))")
            all.append(figures)
        }
        return ComparisonReport.Scenario(scenario, all)
    }
}

/// What the answer to a question is to be.
struct Target: Codable, Equatable {
    private(set) var kind: Kind
    /// A ratio, or a value in the unit of the measure.
    private(set) var bound: Double

    enum Kind: String, Codable {
        case atLeast
        case atMost
    }

    static func atLeast(_ bound: Double) -> Target { Target(kind: .atLeast, bound: bound) }
    static func atMost(_ bound: Double) -> Target { Target(kind: .atMost, bound: bound) }

    func isMet(by measured: Double) -> Bool {
        switch kind {
        case .atLeast: measured >= bound
        case .atMost: measured <= bound
        }
    }
}
