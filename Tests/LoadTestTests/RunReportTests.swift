import Foundation
import Testing

@testable import loadtest

@Suite struct RunReportTests {
    private func scenario(_ more: String = "") throws -> Scenario {
        try Scenario(
            yaml: "name: n\nabout: a\nmix: {echo: 1}\nstages: [{name: a, rate: 10}, {name: b, rate: 10}]\n\(more)\n",
            source: "test"
        )
    }

    /// Calls of a stage that take so many milliseconds, one each.
    private func stage(_ name: String, _ milliseconds: [Double], _ change: (inout StageTally) -> Void = { _ in })
        -> StageReport
    {
        var tally = StageTally(duration: .seconds(10))
        for (index, time) in milliseconds.enumerated() {
            let due = UInt64(index) * 10_000_000_000 / UInt64(milliseconds.count)
            tally.answered(Call(kind: .echo, org: index % 3, key: 0), due: due, latency: UInt64(time * 1e6))
        }
        change(&tally)
        let stage = Stage(
            name: name,
            load: .open(from: .perSecond(10), to: .perSecond(10), steps: 0, arrivals: .constant)
        )
        return StageReport(stage, load: "open", began: 0, offered: 10, tally, processor: 1_000_000)
    }

    private func report(_ stages: [StageReport]) -> RunReport {
        var report = RunReport(scenario: "n", about: "a", seed: 1, host: "h", began: 0, seconds: 20)
        report.stages = stages
        return report
    }

    // MARK: The verdict

    @Test func callsThatFailAreAFaultUnlessTheyMay() throws {
        func faults(_ more: String, _ change: @escaping (inout StageTally) -> Void) throws -> [String] {
            var report = report([stage("a", [1, 2], change)])
            report.judge(try scenario(more), withChecks: true)
            return report.faults
        }
        let shuttingDown = ServerError.of(code: 18)
        #expect(try faults("") { _ in } == [])
        let call = Call(kind: .read, org: 0, key: 0)
        let failed = try faults("") { $0.failed(call, shuttingDown) }
        #expect(failed.count == 1 && failed[0].contains("a: calls failed: 1 × "))
        let name = "\(failed[0].split(separator: "× ")[1].prefix { $0 != ";" })"
        #expect(try faults("allowed_errors: [\(name)]") { $0.failed(call, shuttingDown) } == [])
        #expect(try faults("") { $0.lost = 1 }.count == 1)
        #expect(try faults("allows_lost_connections: true") { $0.lost = 1 } == [])
        #expect(try faults("") { $0.overruns = 1 }.count == 1)
    }

    @Test func aReportOfBeforeThereWereTotalsIsRead() throws {
        let written = try JSONEncoder().encode(report([]))
        var object = try #require(try JSONSerialization.jsonObject(with: written) as? [String: Any])
        object["totals"] = nil
        let read = try JSONDecoder().decode(RunReport.self, from: JSONSerialization.data(withJSONObject: object))
        #expect(read.scenario == "n" && read.totals == nil)
    }

    @Test func totalsAreOfAllStagesByKindAndCode() {
        var totals = RunTotals()
        for _ in 0..<2 {
            var tally = StageTally(duration: .seconds(1))
            for kind in [CallKind.read, .read, .missing] {
                tally.answered(Call(kind: kind, org: 0, key: 0), due: 0, latency: 1000)
            }
            tally.failed(Call(kind: .read, org: 0, key: 0), .of(code: 35))
            totals.add(tally)
        }
        #expect(totals.byKind["read"]?.codes == ["OK": 4, "PERMISSION_DENIED": 2])
        #expect(totals.byKind["read"]?.latencies.count == 4)
        #expect(totals.byKind["missing"]?.codes == ["READ_FAILED": 2])
    }

    @Test func checksCompareStages() throws {
        let stages = [stage("a", Array(repeating: 1, count: 100)), stage("b", Array(repeating: 3, count: 100))]
        func faults(_ check: String, withChecks: Bool = true) throws -> [String] {
            var report = report(stages)
            report.judge(try scenario("checks: [\(check)]"), withChecks: withChecks)
            return report.faults
        }
        #expect(try faults("{figure: p99, of: b, by: a, at_most: 3.1}") == [])
        #expect(try faults("{figure: p99, of: b, by: a, at_most: 2.9}").count == 1)
        #expect(try faults("{figure: p99, of: b, by: a, at_most: 2.9}", withChecks: false) == [])
        #expect(try faults("{figure: p50, of: a, at_most: 1.1}") == [])
        #expect(try faults("{figure: rate, of: a, at_least: 11}").count == 1)
        #expect(try faults("{figure: memory_growth, of: a, at_most: 2}").count == 1, "there is no figure")
    }

    @Test func growthIsThatOfTheLastThird() {
        #expect(RunReport.growth(Array(repeating: 1, count: 20) + Array(repeating: 2, count: 10), first: 3) == 2)
        #expect(RunReport.growth([5, 1, 1, 1, 1, 1, 1, 1, 1, 1], first: 3) == 1)
        #expect(RunReport.growth([1, 2], first: 3) == nil)
    }

    // MARK: Comparing

    private func set(_ milliseconds: [Double]) -> RunSet {
        RunSet(runs: milliseconds.map { report([stage("a", Array(repeating: $0, count: 50))]) })
    }

    @Test func aDifferenceBeyondTheSpreadIsShown() throws {
        let (slow, fast) = (set([10, 10.4, 9.8, 10.1, 10.2]), set([5, 5.2, 4.9, 5.1, 5]))
        let p50 = try #require(try RunComparison(slow, fast).rows.first { $0.figure == "p50 ms" })
        #expect(abs(p50.interval.ratio - 0.5) < 0.02)
        #expect(p50.interval.low < p50.interval.ratio && p50.interval.ratio < p50.interval.high + 1e-9)
        #expect(p50.verdict == "better")
        #expect(try RunComparison(fast, slow).rows.first { $0.figure == "p50 ms" }?.verdict == "worse")
    }

    @Test func whatLiesInTheSpreadIsNoDifference() throws {
        let rows = try RunComparison(set([10, 14, 9, 12, 11]), set([11, 13, 9.5, 12.5, 10])).rows
        #expect(rows.first { $0.figure == "p50 ms" }?.verdict == "no difference shown")
        #expect(rows.first { $0.figure == "calls/s" }?.interval.ratio == 1)
    }

    @Test func oneRunIsComparedByItsParts() throws {
        let comparison = try RunComparison(set([10]), set([5]))
        #expect(comparison.source == "parts" && comparison.text.contains("parts over time"))
        #expect(comparison.rows.first { $0.figure == "p99 ms" }?.verdict == "better")
    }

    @Test func onlyRunsOfOneScenarioAreCompared() {
        var other = set([1])
        other.runs[0].scenario = "m"
        #expect(throws: LoadFailure.self) { try RunComparison(set([1]), other) }
    }

    @Test func theBootstrapHoldsTheRatioAsOftenAsItSays() {
        // Pairs of sets of one distribution: in about 95 of 100 the interval holds 1.
        var generator = SeededGenerator(seed: 9)
        let held = (0..<200).count { _ in
            func values() -> [Double] { (0..<20).map { _ in Double.random(in: 90...110, using: &generator) } }
            let interval = Bootstrap(draws: 400).ratio(values(), values())
            return interval.map { $0.low <= 1 && 1 <= $0.high } ?? false
        }
        #expect((170...200).contains(held))
        #expect(Bootstrap().ratio([], [1]) == nil && Bootstrap().ratio([0], [1]) == nil)
    }

    // MARK: Files

    @Test func whatIsWrittenIsReadBack() throws {
        try TemporaryDirectory.run("loadtest-tests") { (directory) throws(LoadFailure) in
            let set = RunSet(runs: [report([stage("a b", [1, 2, 3])])])
            try set.write(to: "\(directory)/out")
            let read = try RunSet(path: "\(directory)/out/report.json")
            #expect(read.runs[0].stages[0].latencyMicroseconds == set.runs[0].stages[0].latencyMicroseconds)
            #expect(read.runs[0].stages[0].latencies.percentile(50) == set.runs[0].stages[0].latencies.percentile(50))
            let text = ProcFile.text("\(directory)/out/a-b.hgrm") ?? ""
            #expect(text.contains("Percentile") && text.contains("3.0"))
        }
    }

    @Test func thePageNeedsNothingFromOutside() throws {
        var report = report([stage("a", [1, 2, 3]), stage("<b>", [1, 5, 9])])
        report.searches = [
            SearchReport(
                stage: "s",
                p99Microseconds: 5000,
                points: [.init(rate: 10, achieved: 10, p99Microseconds: 900, kept: true)],
                highest: 10
            )
        ]
        report.memory = [.init(seconds: 0, bytes: 1_000_000), .init(seconds: 1, bytes: 2_000_000)]
        let page = HTMLReport(report: report).text
        for word in ["http:", "https:", "<script", "<link", "@import", "url("] {
            #expect(!page.contains(word), "\(word)")
        }
        for title in ["Percentiles over time", "Rate against p99", "Histogram", "Fairness", "Memory"] {
            #expect(page.contains(title))
        }
        #expect(page.contains("&lt;b&gt;") && !page.contains("<b>"))
        #expect(page.components(separatedBy: "<svg").count == 6 && page.contains("prefers-color-scheme: dark"))
        #expect(!page.contains("nan") && !page.contains("inf\""))
    }

    @Test func axesHoldAllAndHaveRoundMarks() {
        #expect(PlotScale(.linear, holding: [3, 47]).ticks == [0, 10, 20, 30, 40, 50])
        #expect(PlotScale(.logarithmic, holding: [0.3, 47]).ticks == [0.1, 1, 10, 100])
        let scale = PlotScale(.logarithmic, holding: [0, 5, 500])
        #expect(scale.low == 1 && scale.high == 1000 && abs(scale.place(10) - 1.0 / 3) < 1e-9 && scale.place(0) == 0)
        #expect(
            [0, 0.25, 1, 12.5, 1500, 25_000, 3_000_000].map(PlotScale.label) == [
                "0", "0.25", "1", "12.5", "1500", "25k", "3M",
            ]
        )
    }

    @Test func bucketsCountEveryCall() {
        var latencies = Latencies()
        for time in [1000, 1100, 5000, 5000, 900_000] as [UInt64] { latencies.record(nanoseconds: time) }
        let buckets = latencies.buckets(factor: 1.5)
        #expect(buckets.reduce(0) { $0 + $1.count } == 5)
        #expect(buckets.map(\.bound) == buckets.map(\.bound).sorted())
    }
}

extension ServerError {
    static func of(code: UInt32) -> ServerError {
        var writer = ProtobufWriter()
        writer.writeVarint(UInt64(code), field: 1)
        do { return try ServerError(writer.bytes.indices, in: writer.bytes.span) } catch {
            preconditionFailure("\(error)")
        }
    }
}
