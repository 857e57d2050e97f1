extension RunReport {
    /// Finds what is not as it should be: failed calls, what the broker has kept, and checks that are not met.
    mutating func judge(_ scenario: Scenario, withChecks: Bool) {
        for stage in stages { faults += Self.faults(stage, scenario) }
        if let before, let after {
            // A broker that was started anew has made other things once than the one before it.
            let isAnother = scenario.stages.contains { $0.restarts > 0 }
            for excess in after.excess(over: before) where !isAnother || excess.name != "descriptors" {
                faults.append("the broker has leaked: \(excess.name): \(excess.before) before, \(excess.after) after")
            }
            if !after.temporaryFiles.isEmpty {
                faults.append("the broker has left: \(after.temporaryFiles.prefix(5).joined(separator: ", "))")
            }
        }
        checks = scenario.checks.map { check in
            let value = value(check)
            return CheckReport(text: check.text, value: value, isMet: value.map(check.isMet) ?? false)
        }
        guard withChecks else { return }
        for check in checks where !check.isMet {
            faults.append("check missed: \(check.text): \(check.value?.text(2) ?? "there is no figure")")
        }
    }

    private static func faults(_ stage: StageReport, _ scenario: Scenario) -> [String] {
        var faults: [String] = []
        let forbidden = stage.errors.filter { !scenario.allowedErrors.contains($0.key) }
        if !forbidden.isEmpty {
            let list = forbidden.sorted { $0.key < $1.key }.map { "\($0.value) × \($0.key)" }.joined(separator: ", ")
            faults.append("\(stage.name): calls failed: \(list); the first: \(stage.firstError ?? "")")
        }
        if stage.lost > 0, !scenario.allowsLostConnections {
            faults.append("\(stage.name): \(stage.lost) calls were lost with their connection")
        }
        if stage.isMeasured, stage.overruns > 0 {
            faults.append("\(stage.name): \(stage.overruns) calls were not made, for too many were unanswered")
        }
        if stage.isMeasured, stage.answered == 0, stage.load != Self.noCalls {
            faults.append("\(stage.name): no call was answered")
        }
        return faults
    }

    /// ``StageReport/load`` of a stage that makes none.
    static let noCalls = "no calls"

    /// Nil where there is no such figure.
    private func value(_ check: Check) -> Double? {
        guard let value = value(check.figure, of: check.of) else { return nil }
        guard let by = check.by else { return value }
        guard let divisor = self.value(check.figure, of: by), divisor > 0 else { return nil }
        return value / divisor
    }

    /// Latencies in milliseconds.
    private func value(_ figure: Check.Figure, of name: String) -> Double? {
        guard let stage = stages.last(where: { $0.name == name }), stage.answered > 0 else { return nil }
        let latency = stage.latencyMicroseconds
        switch figure {
        case .p50: return latency.p50 / 1000
        case .p99: return latency.p99 / 1000
        case .p999: return latency.p999 / 1000
        case .rate: return stage.callsPerSecond
        case .memoryGrowth:
            let during = memory.filter { (stage.began...stage.began + stage.seconds).contains($0.seconds) }
            return Self.growth(during.map { Double($0.bytes) }, first: 10)
        case .p99Growth:
            return Self.growth(stage.overTime.filter { $0.calls > 0 }.map(\.latencyMicroseconds.p99), first: 3)
        }
    }

    /// The median of the last third by that of the first part, which is one of `first`.
    static func growth(_ values: [Double], first parts: Int) -> Double? {
        guard values.count >= 10 else { return nil }
        let first = Spread(Array(values.prefix(max(values.count / parts, 3)))).median
        return first > 0 ? Spread(Array(values.suffix(values.count / 3))).median / first : nil
    }
}
