/// What a comparison found. Encoded as it is by `--json`.
struct EchoComparisonReport: Codable, Equatable {
    var rows: [Row]

    /// Two runs, one directly after the other.
    struct Pair: Codable, Equatable {
        var limit: EchoReport
        var broker: EchoReport
    }

    struct Row: Codable, Equatable {
        var name: String
        var connections: Int
        var depth: Int
        var comparisons: [Comparison]
        /// What the figures come from.
        var rounds: [Pair]
    }

    struct Comparison: Codable, Equatable {
        var measure: EchoMeasure
        var limit: Spread
        var broker: Spread
        /// Broker to limit, of each round; not the ratio of the medians.
        var ratio: Spread
        /// Absent where the row has none for this measure.
        var target: Target?
        var isMet: Bool?
    }

    /// For the terminal.
    var text: String {
        let head = ["row", "load", "measure", "limit", "broker", "broker/limit (min..max)", "target"]
        let lines = rows.flatMap { row in row.comparisons.map { $0.cells(of: row) } }
        return Table([head] + lines).text
    }
}

extension EchoComparisonReport.Row {
    init(_ row: EchoComparison.Row, _ rounds: [EchoComparisonReport.Pair]) {
        name = row.name
        connections = row.connections
        depth = row.depth
        self.rounds = rounds
        comparisons = EchoMeasure.allCases.map { measure in
            let limit = rounds.map { measure.value($0.limit) }
            let broker = rounds.map { measure.value($0.broker) }
            let ratio = Spread(zip(broker, limit).map { $1 > 0 ? $0 / $1 : 0 })
            let target = row.targets[measure]
            return EchoComparisonReport.Comparison(
                measure: measure,
                limit: Spread(limit),
                broker: Spread(broker),
                ratio: ratio,
                target: target,
                isMet: target?.isMet(by: ratio.median)
            )
        }
    }
}

extension EchoComparisonReport.Comparison {
    fileprivate func cells(of row: EchoComparisonReport.Row) -> [String] {
        let verdict = isMet.map { $0 ? "met" : "MISSED" } ?? ""
        let bound = target.map { "\($0.kind == .atLeast ? ">=" : "<=") \($0.ratio.text(1))  " } ?? ""
        return [
            row.name,
            "\(row.connections) x \(row.depth)",
            measure.title,
            limit.median.text(measure.digits),
            broker.median.text(measure.digits),
            "\(ratio.median.text(2)) (\(ratio.min.text(2))..\(ratio.max.text(2)))",
            bound + verdict,
        ]
    }
}

extension EchoMeasure {
    fileprivate var title: String {
        switch self {
        case .callsPerSecond: "calls/s"
        case .serverMicroseconds: "server us/call"
        case .p50Microseconds: "p50 us"
        }
    }

    fileprivate var digits: Int {
        switch self {
        case .callsPerSecond: 0
        case .serverMicroseconds: 2
        case .p50Microseconds: 1
        }
    }
}
