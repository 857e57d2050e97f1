/// What a comparison found. Encoded as it is by `--json`.
struct ComparisonReport: Codable, Equatable {
    var scenarios: [Scenario]

    struct Scenario: Codable, Equatable {
        var load: String
        var answers: [Answer]
        /// What the answers come from: the figures of each contestant, by name.
        var rounds: [[String: RunFigures]]
    }

    struct Answer: Codable, Equatable {
        var row: String
        var measure: Measure
        var subject: String
        var baseline: String
        var form: Comparison.Question.Form
        var subjectFigures: Spread
        var baselineFigures: Spread
        /// Of the figures of each round; not that of the medians.
        var ratio: Spread
        /// Absent where there is none.
        var target: Target?
        var isMet: Bool?
    }

    /// For the terminal.
    var text: String {
        let head = ["row", "load", "measure", "subject", "", "baseline", "", "ratio (min..max)", "target"]
        return Table([head] + scenarios.flatMap { scenario in scenario.answers.map { $0.cells(scenario.load) } }).text
    }
}

extension ComparisonReport.Scenario {
    init(_ scenario: Comparison.Scenario, _ rounds: [[String: RunFigures]]) {
        load = scenario.load
        self.rounds = rounds
        answers = scenario.questions.map { question in
            let subject = rounds.compactMap { $0[question.subject].map(question.measure.value) }
            let baseline = rounds.compactMap { $0[question.baseline].map(question.measure.value) }
            let ratio = Spread(
                zip(subject, baseline).map { subject, baseline in
                    let (over, under) = question.form == .ratio ? (subject, baseline) : (baseline, subject)
                    return under > 0 ? over / under : 0
                }
            )
            return ComparisonReport.Answer(
                row: question.row,
                measure: question.measure,
                subject: question.subject,
                baseline: question.baseline,
                form: question.form,
                subjectFigures: Spread(subject),
                baselineFigures: Spread(baseline),
                ratio: ratio,
                target: question.target,
                isMet: question.target?.isMet(by: ratio.median)
            )
        }
    }
}

extension ComparisonReport.Answer {
    fileprivate func cells(_ load: String) -> [String] {
        let verdict = isMet.map { $0 ? "met" : "MISSED" } ?? ""
        let bound = target.map { "\($0.kind == .atLeast ? ">=" : "<=") \($0.ratio.text(2))  " } ?? ""
        return [
            row,
            load,
            measure.title,
            subject,
            subjectFigures.median.text(measure.digits),
            baseline,
            baselineFigures.median.text(measure.digits),
            "\(ratio.median.text(2)) (\(ratio.min.text(2))..\(ratio.max.text(2)))"
                + (form == .timesLess ? " times less" : ""),
            bound + verdict,
        ]
    }
}

extension Measure {
    fileprivate var title: String {
        switch self {
        case .callsPerSecond: "calls/s"
        case .serverMicroseconds: "server us/call"
        case .p50Microseconds: "p50 us"
        case .p99Microseconds: "p99 us"
        case .nanosecondsPerCall: "ns/call"
        }
    }

    fileprivate var digits: Int {
        switch self {
        case .callsPerSecond, .nanosecondsPerCall: 0
        case .serverMicroseconds: 2
        case .p50Microseconds, .p99Microseconds: 1
        }
    }
}
