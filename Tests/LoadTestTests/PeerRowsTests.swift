import Testing

@testable import loadtest

@Suite struct PeerRowsTests {
    private func report(_ row: String, _ ratio: Double, _ target: Target) -> ComparisonReport {
        let question = Comparison.Question(
            row: row,
            measure: .callsPerSecond,
            subject: "broker",
            baseline: "limit",
            target: target
        )
        let rest = Comparison.Question(measure: .p50Microseconds, subject: "broker", baseline: "limit")
        let scenario = Comparison.Scenario(load: "echo", contestants: [], questions: [question, rest])
        let figures = { (rate: Double) in RunFigures(calls: 1, seconds: 1, callsPerSecond: rate) }
        let rounds = [0.9, 1, 1.1].map { ["broker": figures(ratio * $0 * 100), "limit": figures(100)] }
        return ComparisonReport(scenarios: [.init(scenario, rounds)])
    }

    @Test func theTableHasTheRowsInTheirOrderWithTheirVerdicts() {
        var rows = PeerRows()
        rows.add(report("P11", 0.6, .atLeast(0.8)))
        rows.add(report("P2", 0.9, .atMost(1.3)))
        rows.add(failure: "compare-grpc: h2load is missing")
        let lines = rows.markdown.split(separator: "\n")
        #expect(lines.count == 5)
        #expect(lines[2] == "| P2 | echo: calls/s | broker 90 | limit 100 | 0.90 (0.81–0.99) | ≤ 1.30 | met |")
        #expect(lines[3] == "| P11 | echo: calls/s | broker 60 | limit 100 | 0.60 (0.54–0.66) | ≥ 0.80 | missed |")
        #expect(lines[4] == "FAILED: compare-grpc: h2load is missing")
    }

    @Test func settingsAreMergedOverAConfiguration() {
        let own = JSONValue.object(["pool": .object(["a": .integer(1), "b": .integer(2)]), "orgs": .array([.null])])
        let over = JSONValue.object(["pool": .object(["b": .string("x")]), "exec": .bool(true)])
        #expect(
            own.merged(with: over)
                == .object([
                    "pool": .object(["a": .integer(1), "b": .string("x")]), "orgs": .array([.null]),
                    "exec": .bool(true),
                ])
        )
    }
}
