extension RunReport {
    /// For the terminal.
    var text: String {
        var parts = ["\(scenario): \(about)", stageTable]
        if !kindTable.isEmpty { parts.append(kindTable) }
        for search in searches {
            let limit = (search.p99Microseconds / 1000).text(2)
            parts.append(
                "highest rate with a p99 of \(limit) ms at the most: \(search.highest.map { "\($0.text(0)) calls/s" } ?? "none")"
            )
        }
        if let before, let after {
            let rows = zip(before.figures, after.figures).map { [$0.name, "\($0.count)", "\($1.count)"] }
            parts.append(Table([["at rest", "before", "after"]] + rows).text)
        }
        if let first = memory.first, let last = memory.last {
            let most = memory.map(\.bytes).max() ?? 0
            parts.append(
                "broker memory, MB: \((Double(first.bytes) / 1e6).text(1)) first, \((Double(most) / 1e6).text(1)) most, "
                    + "\((Double(last.bytes) / 1e6).text(1)) last"
            )
        }
        parts += checks.map { "\($0.isMet ? "met   " : "MISSED") \($0.text): \($0.value?.text(2) ?? "no figure")" }
        parts.append(
            isGood
                ? "every answer was right, and nothing is left" : faults.map { "FAULT: \($0)" }.joined(separator: "\n")
        )
        return parts.joined(separator: "\n\n")
    }

    private var stageTable: String {
        let head = [
            "stage", "load", "calls/s", "calls", "p50 ms", "p99 ms", "p99.9 ms", "max ms", "broker us/call", "errors",
        ]
        return Table(
            [head]
                + stages.map { stage in
                    let latency = stage.latencyMicroseconds
                    let errors = stage.errors.values.reduce(0, +) + stage.lost + stage.overruns
                    return [
                        stage.name + (stage.isMeasured ? "" : " (not measured)"), stage.load,
                        stage.callsPerSecond.text(0), "\(stage.answered)",
                    ] + [latency.p50, latency.p99, latency.p999, latency.max].map { ($0 / 1000).text(3) }
                        + [stage.brokerMicrosecondsPerCall?.text(2) ?? "", "\(errors)"]
                }
        ).text
    }

    private var kindTable: String {
        let measured = stages.filter { $0.isMeasured && $0.byKind.count > 1 }
        guard !measured.isEmpty else { return "" }
        let rows = measured.flatMap { stage in
            stage.byKind.sorted { $0.key < $1.key }.map { kind, figures in
                [stage.name, kind, "\(figures.calls)"]
                    + [
                        figures.latencyMicroseconds.p50, figures.latencyMicroseconds.p99,
                        figures.latencyMicroseconds.p999,
                    ]
                    .map { ($0 / 1000).text(3) }
            }
        }
        return Table([["stage", "call", "calls", "p50 ms", "p99 ms", "p99.9 ms"]] + rows).text
    }
}
