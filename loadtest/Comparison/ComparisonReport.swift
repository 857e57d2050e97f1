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
        /// In the form of the question, of the figures of each round; a ratio is not that of the medians.
        var outcome: Spread
        /// Absent where there is none.
        var target: Target?
        var isMet: Bool?
    }

    /// For the terminal.
    var text: String {
        let head = ["row", "load", "measure", "subject", "", "baseline", "", "outcome (min..max)", "target"]
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
            let outcome = Spread(question.form.outcomes(subject, baseline))
            return ComparisonReport.Answer(
                row: question.row,
                measure: question.measure,
                subject: question.subject,
                baseline: question.baseline,
                form: question.form,
                subjectFigures: Spread(subject),
                baselineFigures: Spread(baseline),
                outcome: outcome,
                target: question.target,
                isMet: question.target?.isMet(by: outcome.median)
            )
        }
    }
}

extension Comparison.Question.Form {
    /// Of each round. 0 where nothing was measured to divide by.
    fileprivate func outcomes(_ subject: [Double], _ baseline: [Double]) -> [Double] {
        switch self {
        case .value: subject
        case .ratio: zip(subject, baseline).map { $1 > 0 ? $0 / $1 : 0 }
        case .timesLess: zip(subject, baseline).map { $0 > 0 ? $1 / $0 : 0 }
        }
    }
}

extension ComparisonReport.Answer {
    /// Of the outcome, after the point.
    var outcomeDigits: Int { form == .value ? measure.digits : 2 }

    /// Row, load, measure, subject, its figure, baseline, its figure, outcome, target with verdict.
    func cells(_ load: String) -> [String] {
        let verdict = isMet.map { $0 ? "met" : "MISSED" } ?? ""
        let digits = outcomeDigits
        let bound = target.map { "\($0.kind == .atLeast ? ">=" : "<=") \($0.bound.text(digits))  " } ?? ""
        return [
            row,
            load,
            measure.title,
            subject,
            subjectFigures.median.text(measure.digits),
            baseline,
            form == .value ? "" : baselineFigures.median.text(measure.digits),
            "\(outcome.median.text(digits)) (\(outcome.min.text(digits))..\(outcome.max.text(digits)))"
                + (form == .timesLess ? " times less" : ""),
            bound + verdict,
        ]
    }
}

extension Measure {
    fileprivate var title: String {
        switch self {
        case .callsPerSecond: "calls/s"
        case .backgroundCallsPerSecond: "other calls/s"
        case .serverMicroseconds: "server us/call"
        case .p50Microseconds: "p50 us"
        case .p99Microseconds: "p99 us"
        case .p50Milliseconds: "p50 ms"
        case .p99Milliseconds: "p99 ms"
        case .p99ByP50: "p99 by p50"
        case .nanosecondsPerCall: "ns/call"
        case .residentBytes: "own bytes"
        case .bytes: "bytes"
        }
    }

    fileprivate var digits: Int {
        switch self {
        case .callsPerSecond, .backgroundCallsPerSecond, .nanosecondsPerCall, .residentBytes, .bytes: 0
        case .serverMicroseconds: 2
        case .p50Microseconds, .p99Microseconds, .p50Milliseconds, .p99Milliseconds, .p99ByP50: 1
        }
    }
}
