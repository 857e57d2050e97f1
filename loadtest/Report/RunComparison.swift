/// Runs of a scenario beside other runs of it, such as before and after a change.
struct RunComparison: Codable, Equatable {
    struct Row: Codable, Equatable {
        var stage: String
        var figure: String
        /// Medians.
        var first: Double
        var second: Double
        var interval: Bootstrap.Interval
        /// Which way is better.
        var higherIsBetter: Bool
    }

    var rows: [Row] = []
    /// What the intervals are drawn from: `runs`, or, where one side has but one run, the `parts` of it over time.
    var source: String

    init(_ first: RunSet, _ second: RunSet, _ bootstrap: Bootstrap = Bootstrap()) throws(LoadFailure) {
        let names = Set((first.runs + second.runs).map(\.scenario))
        guard let one = first.runs.first, !second.runs.isEmpty, names.count == 1 else {
            throw .settings("runs of one scenario can be compared, not of \(names.sorted())")
        }
        let byRun = first.runs.count > 1 && second.runs.count > 1
        source = byRun ? "runs" : "parts"
        for stage in one.stages where stage.isMeasured {
            for figure in Figure.allCases where byRun || figure.isOfParts {
                let values = [first, second].map { set in
                    set.runs.flatMap { run in
                        run.stages.filter { $0.name == stage.name && $0.answered > 0 }.flatMap {
                            byRun ? figure.value($0).map { [$0] } ?? [] : figure.parts($0)
                        }
                    }
                }
                guard let interval = bootstrap.ratio(values[0], values[1]) else { continue }
                rows.append(
                    Row(
                        stage: stage.name,
                        figure: figure.rawValue,
                        first: Spread(values[0]).median,
                        second: Spread(values[1]).median,
                        interval: interval,
                        higherIsBetter: figure == .rate
                    )
                )
            }
        }
        addSearches(first, second, bootstrap)
    }

    /// A search finds one rate in each run.
    private mutating func addSearches(_ first: RunSet, _ second: RunSet, _ bootstrap: Bootstrap) {
        for search in first.runs.first?.searches ?? [] {
            func rates(_ set: RunSet) -> [Double] {
                set.runs.flatMap(\.searches).filter { $0.stage == search.stage }.compactMap(\.highest)
            }
            guard let interval = bootstrap.ratio(rates(first), rates(second)) else { continue }
            rows.append(
                Row(
                    stage: search.stage,
                    figure: "highest calls/s",
                    first: Spread(rates(first)).median,
                    second: Spread(rates(second)).median,
                    interval: interval,
                    higherIsBetter: true
                )
            )
        }
    }

    private enum Figure: String, CaseIterable {
        case rate = "calls/s"
        case p50 = "p50 ms"
        case p99 = "p99 ms"
        case p999 = "p99.9 ms"
        case processor = "broker us/call"

        var isOfParts: Bool { self != .processor && self != .rate }

        func value(_ stage: StageReport) -> Double? {
            switch self {
            case .rate: stage.callsPerSecond
            case .processor: stage.brokerMicrosecondsPerCall
            case .p50, .p99, .p999: latency(stage.latencyMicroseconds)
            }
        }

        func parts(_ stage: StageReport) -> [Double] {
            stage.overTime.filter { $0.calls > 0 }.map { latency($0.latencyMicroseconds) }
        }

        private func latency(_ summary: Latencies.Summary) -> Double {
            switch self {
            case .p50: summary.p50 / 1000
            case .p99: summary.p99 / 1000
            default: summary.p999 / 1000
            }
        }
    }

    /// For the terminal.
    var text: String {
        let head = ["stage", "figure", "A", "B", "B / A (95%)", "verdict"]
        let cells = rows.map { row in
            [
                row.stage, row.figure, row.first.text(3), row.second.text(3),
                "\(row.interval.ratio.text(3)) (\(row.interval.low.text(3))..\(row.interval.high.text(3)))",
                row.verdict,
            ]
        }
        let note =
            source == "runs" ? "" : "\none run on a side: intervals are of its parts over time, not of repeated runs"
        return Table([head] + cells).text + note
    }
}

extension RunComparison.Row {
    var verdict: String {
        guard interval.isDifference else { return "no difference shown" }
        return (interval.ratio > 1) == higherIsBetter ? "better" : "worse"
    }
}
