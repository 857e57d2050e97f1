internal import AgentBackend

/// What came of a stage. Those of several generators are added up.
struct StageTally: Codable {
    private(set) var all = Latencies()
    private(set) var byKind: [String: Latencies] = [:]
    /// Of the first orgs, ``orgsKept`` at the most.
    private(set) var byOrg: [Int: Latencies] = [:]
    /// By when calls were due, in steps of ``interval``.
    private(set) var overTime: [Latencies] = []
    private(set) var interval: TimeSpan
    /// From the begin to the last answer, or to the end if that is later.
    var seconds: Double
    var connects = Latencies()
    /// By kind and by code: of calls that should not have failed.
    private(set) var failures: [String: [String: Int]] = [:]
    private(set) var firstError: String?
    /// Calls whose connection was lost.
    var lost = 0
    /// Calls that were due while too many were unanswered, and were not made.
    var overruns = 0
    /// Calls of the noise that were answered, beside those that are measured.
    var noise = 0

    static let orgsKept = 64

    init(duration: TimeSpan) {
        seconds = duration.seconds
        // At most a few hundred points of a plot.
        interval = TimeSpan(
            nanoseconds: max(duration.nanoseconds / 240, min(duration.nanoseconds / 20, 1_000_000_000), 1)
        )
    }

    var answered: Int { all.count }

    /// ``failures`` of all kinds, by code.
    var errors: [String: Int] { failures.values.reduce(into: [:]) { $0.merge($1, uniquingKeysWith: +) } }

    mutating func answered(_ call: Call, due: UInt64, latency: UInt64) {
        all.record(nanoseconds: latency)
        byKind[call.kind.rawValue, default: Latencies()].record(nanoseconds: latency)
        if call.org < Self.orgsKept { byOrg[call.org, default: Latencies(.rough)].record(nanoseconds: latency) }
        let index = min(Int(due / interval.nanoseconds), 1000)
        while overTime.count <= index { overTime.append(Latencies(.rough)) }
        overTime[index].record(nanoseconds: latency)
    }

    mutating func failed(_ call: Call, _ error: ServerError) {
        failures[call.kind.rawValue, default: [:]]["\(BackendError.Code(rawValue: error.code))", default: 0] += 1
        if firstError == nil { firstError = error.description }
    }

    mutating func add(_ other: StageTally) {
        all.add(other.all)
        byKind.merge(other.byKind) { $0.adding($1) }
        byOrg.merge(other.byOrg) { $0.adding($1) }
        for (index, latencies) in other.overTime.enumerated() {
            if index < overTime.count { overTime[index].add(latencies) } else { overTime.append(latencies) }
        }
        seconds = max(seconds, other.seconds)
        connects.add(other.connects)
        failures.merge(other.failures) { $0.merging($1, uniquingKeysWith: +) }
        firstError = firstError ?? other.firstError
        lost += other.lost
        overruns += other.overruns
    }
}
