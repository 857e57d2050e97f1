/// What a run found. Encoded as it is by `--json`.
struct TortureReport: Codable, Equatable, Sendable {
    var seed: UInt64
    /// Verified, after the warm-up.
    var calls: Int
    var seconds: Double
    /// By what they were, the warm-up included.
    var callsByAction: [String: Int]
    /// After the warm-up, and at the end.
    var before: BrokerFootprint
    var after: BrokerFootprint
    /// Resident memory of the broker: in the first tenth of the calls, and in the last third.
    var firstMegabytes: Double
    var lastMegabytes: Double
    /// What is not as it should be; empty: all is well.
    var faults: [String]

    /// How much of its level memory may grow.
    static let allowedGrowth = 1.2

    var growth: Double { firstMegabytes > 0 ? lastMegabytes / firstMegabytes : 0 }

    /// For the terminal.
    var text: String {
        let actions = callsByAction.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        let figures = zip(before.figures, after.figures).map { [$0.name, "\($0.count)", "\($1.count)"] }
        let memory = [
            "resident MB", firstMegabytes.text(1), lastMegabytes.text(1),
            "\(growth.text(2)), <= \(Self.allowedGrowth.text(2))",
        ]
        return """
            \(calls) calls in \(seconds.text(0)) s, \((Double(calls) / seconds).text(0)) calls/s, every answer right; \
            seed \(seed)
            \(actions)
            \(Table([["", "before", "after"]] + figures + [memory]).text)
            """ + faults.map { "\nFAULT: \($0)" }.joined()
    }
}

extension TortureReport {
    /// Finds the faults.
    mutating func judge() {
        for (figure, count) in zip(before.figures, after.figures.map(\.count)) where figure.count != count {
            faults.append("\(figure.name): \(figure.count) before, \(count) after")
        }
        if !after.temporaryFiles.isEmpty {
            faults.append("left: \(after.temporaryFiles.prefix(5).joined(separator: ", "))")
        }
        if growth > Self.allowedGrowth { faults.append("memory has grown to \(growth.text(2)) times its level") }
    }
}
