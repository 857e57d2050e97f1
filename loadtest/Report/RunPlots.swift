/// The plots of a run.
struct RunPlots {
    let report: RunReport

    var all: [Plot] { [overTime, rates, histogram, fairness, memory].compactMap { $0 } }

    private var measured: [StageReport] { report.stages.filter { $0.isMeasured && $0.answered > 0 } }

    /// All stages one behind the other, each with its name where it begins.
    private var overTime: Plot? {
        let stages = report.stages.filter { $0.answered > 0 }
        func lines(_ value: (Latencies.Summary) -> Double) -> [[(x: Double, y: Double)]] {
            stages.map { stage in
                stage.overTime.filter { $0.calls > 0 }.map {
                    (stage.began + $0.seconds, value($0.latencyMicroseconds) / 1000)
                }
            }
        }
        guard !stages.isEmpty else { return nil }
        return Plot(
            title: "Percentiles over time",
            xName: "when calls were due, seconds from the begin of the run",
            yName: "latency, ms",
            yKind: .logarithmic,
            series: [
                .init(name: "p50", color: 1, form: .line, segments: lines(\.p50)),
                .init(name: "p99", color: 2, form: .line, segments: lines(\.p99)),
                .init(name: "p99.9", color: 3, form: .line, segments: lines(\.p999)),
            ],
            vertical: stages.map { .init(value: $0.began, name: $0.name) }
        )
    }

    /// What was tried by searches, and every other stage of an open loop at one rate.
    private var rates: Plot? {
        let tried = report.searches.flatMap(\.points)
        let stages = measured.filter { $0.offered != nil }
        let kept = tried.filter(\.kept).map { (x: $0.rate, y: $0.p99Microseconds / 1000) }
        let tooHigh = tried.filter { !$0.kept }.map { (x: $0.rate, y: $0.p99Microseconds / 1000) }
        let others = stages.map { (x: $0.offered ?? 0, y: $0.latencyMicroseconds.p99 / 1000) }
        guard kept.count + tooHigh.count + others.count > 1 else { return nil }
        return Plot(
            title: "Rate against p99",
            xName: "calls that were due in a second",
            yName: "p99, ms",
            xKind: .logarithmic,
            yKind: .logarithmic,
            series: [
                Plot.Series(name: "search, kept", color: 4, form: .dots, points: kept),
                Plot.Series(name: "search, too high", color: 2, form: .crosses, points: tooHigh),
                Plot.Series(name: "other stages", color: 1, form: .dots, points: others),
            ].filter { !$0.points.isEmpty },
            horizontal: report.searches.map {
                .init(value: $0.p99Microseconds / 1000, name: "p99 that \($0.stage) asks for")
            }
        )
    }

    /// Of the last stages that are measured, as many as there are colours.
    private var histogram: Plot? {
        guard !measured.isEmpty else { return nil }
        return Plot(
            title: "Histogram of latencies",
            xName: "latency, ms",
            yName: "calls, % of the stage's",
            xKind: .logarithmic,
            series: measured.suffix(4).enumerated().map { index, stage in
                .init(
                    name: stage.name,
                    color: index + 1,
                    form: .steps,
                    points: stage.latencies.buckets(factor: 1.15).map {
                        (Double($0.bound) / 1e6, 100 * Double($0.count) / Double(max(stage.answered, 1)))
                    }
                )
            }
        )
    }

    /// Each org of the last stage that is measured beside the others.
    private var fairness: Plot? {
        guard let stage = measured.last, stage.byOrg.count > 1 else { return nil }
        func number(_ org: String) -> Double { Double(org.drop { !$0.isNumber }) ?? 0 }
        let orgs = stage.byOrg.sorted { number($0.key) < number($1.key) }
        func points(_ value: (Latencies.Summary) -> Double) -> [(x: Double, y: Double)] {
            orgs.map { (number($0.key), value($0.value.latencyMicroseconds) / 1000) }
        }
        return Plot(
            title: "Fairness: orgs beside one another in \(stage.name)",
            xName: "number of the org",
            yName: "latency, ms",
            yKind: .logarithmic,
            series: [
                .init(name: "p50", color: 1, form: .dots, points: points(\.p50)),
                .init(name: "p99", color: 2, form: .dots, points: points(\.p99)),
                .init(name: "p99.9", color: 3, form: .dots, points: points(\.p999)),
            ],
            xMargin: 40
        )
    }

    private var memory: Plot? {
        guard report.memory.count > 1 else { return nil }
        return Plot(
            title: "Memory of the broker",
            xName: "seconds from the begin of the run",
            yName: "resident, MB",
            series: [
                .init(
                    name: "resident",
                    color: 1,
                    form: .line,
                    points: report.memory.map { ($0.seconds, Double($0.bytes) / 1e6) }
                )
            ]
        )
    }
}
