/// Runs the same echo load against the limit program and the broker in turn, so that what else the machine does
/// falls on both.
struct EchoComparison {
    /// At least one.
    var rounds: Int
    /// Of each run.
    var duration: Duration
    var warmup: Duration

    /// One shape of the load, and what the broker is to reach in it.
    struct Row {
        /// That of the list of targets; empty for one that is run for information.
        let name: String
        let connections: Int
        let depth: Int
        var targets: [EchoMeasure: Target] = [:]
    }

    static let rows = [
        Row(
            name: "P1",
            connections: 64,
            depth: 16,
            targets: [.callsPerSecond: .atLeast(0.5), .serverMicroseconds: .atMost(2.0)]
        ),
        Row(name: "P2", connections: 1, depth: 1, targets: [.p50Microseconds: .atMost(1.3)]),
        Row(name: "", connections: 8, depth: 16),
    ]

    /// `progress` gets a line after each round.
    func run(
        limit: EchoServer,
        broker: EchoServer,
        _ interrupts: borrowing Interrupts,
        progress: (String) -> Void
    ) throws(LoadFailure) -> EchoComparisonReport {
        var rows: [EchoComparisonReport.Row] = []
        for row in Self.rows {
            var pairs: [EchoComparisonReport.Pair] = []
            for round in 1...max(rounds, 1) {
                let pair = EchoComparisonReport.Pair(
                    limit: try measure(limit, row, interrupts),
                    broker: try measure(broker, row, interrupts)
                )
                pairs.append(pair)
                progress(
                    "\(row.connections) x \(row.depth)  round \(round) of \(rounds)  calls/s: "
                        + "limit \(pair.limit.callsPerSecond.text(0)), broker \(pair.broker.callsPerSecond.text(0))"
                )
            }
            rows.append(EchoComparisonReport.Row(row, pairs))
        }
        return EchoComparisonReport(rows: rows)
    }

    private func measure(
        _ server: EchoServer,
        _ row: Row,
        _ interrupts: borrowing Interrupts
    ) throws(LoadFailure) -> EchoReport {
        var settings = EchoSettings(endpoint: server.endpoint, tokens: server.tokens, keys: ["load-0", "load-1"])
        settings.connections = row.connections
        settings.depth = row.depth
        settings.duration = duration
        settings.warmup = warmup
        settings.server = ServerProcessor(pids: [server.pid])
        let report = try EchoRun(settings, interrupts: interrupts.descriptor).run()
        if let fault = report.fault { throw .failedCalls("\(server.name): \(fault)") }
        return report
    }
}

/// One number of an ``EchoReport`` that is compared.
enum EchoMeasure: String, Codable, CaseIterable {
    case callsPerSecond
    case serverMicroseconds
    case p50Microseconds

    func value(_ report: EchoReport) -> Double {
        switch self {
        case .callsPerSecond: report.callsPerSecond
        case .serverMicroseconds: report.serverMicrosecondsPerCall ?? 0
        case .p50Microseconds: report.latencyMicroseconds.p50
        }
    }
}

/// What the ratio of broker to limit is to be.
struct Target: Codable, Equatable {
    private(set) var kind: Kind
    private(set) var ratio: Double

    enum Kind: String, Codable {
        case atLeast
        case atMost
    }

    static func atLeast(_ ratio: Double) -> Target { Target(kind: .atLeast, ratio: ratio) }
    static func atMost(_ ratio: Double) -> Target { Target(kind: .atMost, ratio: ratio) }

    func isMet(by measured: Double) -> Bool {
        switch kind {
        case .atLeast: measured >= ratio
        case .atMost: measured <= ratio
        }
    }
}
