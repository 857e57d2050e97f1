/// What a run of a scenario found. Encoded as it is.
struct RunReport: Codable {
    var scenario: String
    var about: String
    var seed: UInt64
    /// Of the host: processors and kernel.
    var host: String
    /// When it began, in seconds since 1970.
    var began: Double
    var seconds: Double
    var stages: [StageReport] = []
    var searches: [SearchReport] = []
    /// Absent in reports of before there were any.
    var totals: RunTotals? = RunTotals()
    /// Resident memory of the broker; empty where it is not known which process that is.
    var memory: [MemorySample] = []
    /// Of the broker, when it was at rest: before the first stage and after the last. Absent where it was not looked at.
    var before: BrokerFootprint?
    var after: BrokerFootprint?
    var checks: [CheckReport] = []
    /// What is not as it should be; empty: all is well.
    var faults: [String] = []

    struct MemorySample: Codable, Equatable {
        /// From the begin of the run.
        var seconds: Double
        var bytes: Int
    }

    struct CheckReport: Codable, Equatable {
        var text: String
        /// Absent where there is none, as of a stage that was left out.
        var value: Double?
        var isMet: Bool
    }

    /// Whether all is as it should be.
    var isGood: Bool { faults.isEmpty }
}

/// One search, and what it tried.
struct SearchReport: Codable, Equatable {
    var stage: String
    var p99Microseconds: Double
    var points: [RateSearch.Point]
    /// Calls in a second; absent: not even the lowest kept the promise.
    var highest: Double?
}

/// What came of one stage.
struct StageReport: Codable {
    var name: String
    var load: String
    var isMeasured: Bool
    /// From the begin of the run.
    var began: Double
    var seconds: Double
    /// Calls that were due in a second; absent for a closed loop.
    var offered: Double?
    var answered: Int
    var callsPerSecond: Double
    var latencies: Latencies
    var latencyMicroseconds: Latencies.Summary
    var byKind: [String: Figures]
    /// Of the first orgs.
    var byOrg: [String: Figures]
    /// By when calls were due, from the begin of the stage.
    var overTime: [Point]
    /// Connections that were made anew.
    var reconnects: Figures
    var errors: [String: Int]
    var firstError: String?
    var lost: Int
    var overruns: Int
    /// Of the noise: calls that were answered in a second.
    var noisePerSecond: Double
    /// Absent where it is not known which process the broker is.
    var brokerMicrosecondsPerCall: Double?

    struct Figures: Codable, Equatable {
        var calls: Int
        var latencyMicroseconds: Latencies.Summary

        init(_ latencies: Latencies) {
            calls = latencies.count
            latencyMicroseconds = latencies.summary
        }
    }

    struct Point: Codable, Equatable {
        var seconds: Double
        var calls: Int
        var latencyMicroseconds: Latencies.Summary
    }

    init(_ stage: Stage, load: String, began: Double, offered: Double?, _ tally: StageTally, processor: UInt64?) {
        name = stage.name
        self.load = load
        isMeasured = stage.measured
        self.began = began
        seconds = tally.seconds
        self.offered = offered
        answered = tally.answered
        callsPerSecond = tally.seconds > 0 ? Double(tally.answered) / tally.seconds : 0
        latencies = tally.all
        latencyMicroseconds = tally.all.summary
        byKind = tally.byKind.mapValues(Figures.init)
        byOrg = Dictionary(uniqueKeysWithValues: tally.byOrg.map { ("org-\($0.key)", Figures($0.value)) })
        overTime = tally.overTime.enumerated().map { index, latencies in
            Point(
                seconds: Double(index) * tally.interval.seconds,
                calls: latencies.count,
                latencyMicroseconds: latencies.summary
            )
        }
        reconnects = Figures(tally.connects)
        errors = tally.errors
        firstError = tally.firstError
        lost = tally.lost
        overruns = tally.overruns
        noisePerSecond = tally.seconds > 0 ? Double(tally.noise) / tally.seconds : 0
        brokerMicrosecondsPerCall = processor.flatMap { time in
            let calls = tally.answered + tally.noise
            return calls > 0 ? Double(time) / 1000 / Double(calls) : nil
        }
    }
}
