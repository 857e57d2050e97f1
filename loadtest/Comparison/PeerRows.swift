/// What all comparisons found for the rows of the list of targets.
struct PeerRows: Codable {
    struct Row: Codable {
        var row: String
        var load: String
        var answer: ComparisonReport.Answer
    }

    private(set) var rows: [Row] = []
    /// Comparisons that failed, and why.
    private(set) var failures: [String] = []

    mutating func add(_ report: ComparisonReport) {
        rows += report.scenarios.flatMap { scenario in
            scenario.answers.filter { !$0.row.isEmpty }.map { Row(row: $0.row, load: scenario.load, answer: $0) }
        }
        rows.sort { Self.number($0.row) < Self.number($1.row) }
    }

    mutating func add(failure: String) { failures.append(failure) }

    private static func number(_ row: String) -> Int { Int(row.dropFirst()) ?? .max }

    /// As the README has it.
    var markdown: String {
        let head = [
            "| row | load | broker | beside | outcome (least–most) | target | |", "|---|---|---|---|---|---|---|",
        ]
        let lines = rows.map { row in
            let cells = row.answer.cells(row.load)
            let target = row.answer.target.map { $0.text(row.answer.outcomeDigits) } ?? ""
            let beside = row.answer.form == .value ? "" : "\(cells[5]) \(cells[6])"
            let verdict = row.answer.isMet.map { $0 ? "met" : "missed" } ?? ""
            let outcome = row.answer.outcome
            let digits = row.answer.outcomeDigits
            let spread = "\(outcome.median.text(digits)) (\(outcome.min.text(digits))–\(outcome.max.text(digits)))"
            let less = row.answer.form == .timesLess ? " times less" : ""
            return
                "| \(row.row) | \(row.load): \(cells[2]) | \(cells[3]) \(cells[4]) | \(beside) | \(spread)\(less) | \(target) | \(verdict) |"
        }
        return (head + lines + failures.map { "\nFAILED: \($0)" }).joined(separator: "\n")
    }
}

extension Target {
    func text(_ digits: Int) -> String { "\(kind == .atLeast ? "≥" : "≤") \(bound.text(digits))" }
}
