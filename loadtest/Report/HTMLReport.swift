internal import FoundationEssentials

/// A run as one HTML file with all that it needs in it: no script, no network, light and dark.
struct HTMLReport {
    let report: RunReport

    var text: String {
        let title = Plot.escaped("\(report.scenario): load test")
        let verdict =
            report.isGood
            ? #"<p class="good">Every answer was right, nothing is left behind, and every check is met.</p>"#
            : report.faults.map { #"<p class="bad">\#(Plot.escaped($0))</p>"# }.joined(separator: "\n")
        let date = Date(timeIntervalSince1970: report.began).formatted(.iso8601)
        let sections = RunPlots(report: report).all.map { plot in
            "<section><h2>\(Plot.escaped(plot.title))</h2>\n\(plot.svg)\n</section>"
        }
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(title)</title>
            <style>
            \(Self.style)
            </style>
            </head>
            <body>
            <h1>\(Plot.escaped(report.scenario))</h1>
            <p>\(Plot.escaped(report.about))</p>
            <p class="quiet">\(date) · \(report.seconds.text(0)) s · seed \(report.seed) · \(Plot.escaped(report.host))</p>
            \(verdict)
            <section><h2>Stages</h2>
            \(stages)
            </section>
            \(checks)
            \(sections.joined(separator: "\n"))
            <section><h2>Kinds of calls</h2>
            \(kinds)
            </section>
            \(leaks)
            </body>
            </html>

            """
    }

    // MARK: Tables

    private var stages: String {
        let rows = report.stages.map { stage in
            let latency = stage.latencyMicroseconds
            return [
                stage.name + (stage.isMeasured ? "" : " (not measured)"), stage.load,
                stage.callsPerSecond.text(0), "\(stage.answered)",
            ] + [latency.p50, latency.p99, latency.p999, latency.max].map { ($0 / 1000).text(3) }
                + [
                    stage.brokerMicrosecondsPerCall?.text(1) ?? "–",
                    "\(stage.errors.values.reduce(0, +))", "\(stage.lost)", "\(stage.overruns)",
                ]
        }
        return Self.table(
            [
                "stage", "load", "calls/s", "calls", "p50, ms", "p99, ms", "p99.9, ms", "max, ms",
                "broker CPU, µs/call",
                "errors", "lost", "not made",
            ],
            rows,
            texts: 2
        )
    }

    private var checks: String {
        guard !report.checks.isEmpty else { return "" }
        let rows = report.checks.map { [$0.text, $0.value?.text(2) ?? "–", $0.isMet ? "met" : "MISSED"] }
        return "<section><h2>Checks</h2>\n\(Self.table(["check", "value", "verdict"], rows, texts: 1))\n</section>"
    }

    private var kinds: String {
        let rows = report.stages.filter(\.isMeasured).flatMap { stage in
            stage.byKind.sorted { $0.key < $1.key }.map { kind, figures in
                let latency = figures.latencyMicroseconds
                return [stage.name, kind, "\(figures.calls)"]
                    + [latency.p50, latency.p99, latency.p999, latency.max].map { ($0 / 1000).text(3) }
            }
        }
        return Self.table(["stage", "call", "calls", "p50, ms", "p99, ms", "p99.9, ms", "max, ms"], rows, texts: 2)
    }

    private var leaks: String {
        guard let before = report.before, let after = report.after else { return "" }
        let rows = zip(before.figures, after.figures).map { [$0.name, "\($0.count)", "\($1.count)"] }
        return "<section><h2>What the broker has at rest</h2>\n"
            + "\(Self.table(["of the host's", "before", "after"], rows, texts: 1))\n</section>"
    }

    /// The first columns are text, the others numbers.
    private static func table(_ head: [String], _ rows: [[String]], texts: Int) -> String {
        func row(_ cells: [String], _ tag: String) -> String {
            let cells = cells.enumerated().map { index, cell in
                "<\(tag)\(index < texts ? "" : #" class="number""#)>\(Plot.escaped(cell))</\(tag)>"
            }
            return "<tr>\(cells.joined())</tr>"
        }
        return #"<div class="wide"><table>"# + "\n"
            + ([row(head, "th")] + rows.map { row($0, "td") }).joined(separator: "\n")
            + "\n</table></div>"
    }

    private static let style = """
        :root { color-scheme: light dark; --paper: #fdfdfc; --ink: #1b1d21; --quiet: #5c6470; --grid: #e3e5e8;
          --axis: #8a919c; --c1: #2068c4; --c2: #c2570c; --c3: #8a3aa8; --c4: #14803c; --good: #14803c; --bad: #b3261e; }
        @media (prefers-color-scheme: dark) { :root { --paper: #16181c; --ink: #e8eaed; --quiet: #a0a7b2; --grid: #2b2f36;
          --axis: #747c88; --c1: #62a0f0; --c2: #f09350; --c3: #cf8bea; --c4: #5cc482; --good: #5cc482; --bad: #ff8a80; } }
        body { background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; max-width: 1120px;
          margin: 2rem auto; padding: 0 1rem; }
        h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
        .quiet { color: var(--quiet); } .good { color: var(--good); font-weight: 600; } .bad { color: var(--bad); font-weight: 600; }
        .wide { overflow-x: auto; }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .85rem; white-space: nowrap; }
        th, td { text-align: left; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid var(--grid); }
        th { color: var(--quiet); font-weight: 600; } .number { text-align: right; }
        svg { width: 100%; height: auto; display: block; }
        svg text { font: 12px system-ui, sans-serif; fill: var(--quiet); } svg .legend, svg .name { fill: var(--ink); }
        .grid { stroke: var(--grid); } .axis { stroke: var(--axis); } .rule { stroke: var(--axis); stroke-dasharray: 4 4; }
        .line { fill: none; stroke-width: 2; stroke-linejoin: round; } .bar { stroke: none; }
        .line.c1 { stroke: var(--c1); } .line.c2 { stroke: var(--c2); } .line.c3 { stroke: var(--c3); } .line.c4 { stroke: var(--c4); }
        .dot.c1 { fill: var(--c1); } .dot.c2 { fill: var(--c2); } .dot.c3 { fill: var(--c3); } .dot.c4 { fill: var(--c4); }
        """
}
