internal import AgentBackend
internal import BackendPool
internal import BrokerServer
internal import BrokerWire
internal import PrometheusMetrics

/// What orgs do, as Prometheus names it. Series are labelled by org, and by nothing that an org can choose.
struct OrgFamilies {
    /// Stands for the orgs that have no series of their own. No org can be called that.
    static let others = "_other"

    private let orgs: [OrgMetrics]

    /// - Parameter maximum: Orgs with series of their own: those that the broker knew first, so that none gets or loses
    ///   them while it runs.
    init(_ orgs: [OrgMetrics], maximum: Int) {
        let (own, rest) = (orgs.filter { $0.id < maximum }, orgs.filter { $0.id >= maximum })
        guard let first = rest.first else {
            self.orgs = own
            return
        }
        self.orgs = own + [rest.reduce(into: OrgMetrics(id: first.id, name: Self.others)) { $0.add($1) }]
    }

    var all: [MetricFamily] { calls + queues + execs + pool + workspaces + limits }

    // MARK: Calls

    private var calls: [MetricFamily] {
        [
            counter("calls_total", "Calls that were answered, by operation and result.") { family, org in
                for operation in CountedOperation.allCases where org.calls.answered(operation) > 0 {
                    family.add(org.calls.answered(operation), org, ("operation", operation.name), ("code", "OK"))
                }
                let failures = org.calls.failed.sorted { Self.order($0.key) < Self.order($1.key) }
                for (failure, count) in failures {
                    family.add(count, org, ("operation", failure.operation.name), ("code", "\(failure.code)"))
                }
            },
            histogram(
                "call_duration_seconds",
                "Time from the read that a call came in to the write of its answer's end."
            ) { family, org in
                for operations in CountedOperation.Class.allCases {
                    let latency = org.calls.latency(of: operations)
                    guard latency.count > 0 else { continue }
                    family.add(HistogramValue(latency), org.labels(("class", operations.name)))
                }
            },
            counter("received_bytes_total", "Bytes of frames from clients, before TLS.") {
                $0.add($1.calls.receivedBytes, $1)
            },
            counter("sent_bytes_total", "Bytes of frames for clients, before TLS.") { $0.add($1.calls.sentBytes, $1) },
            gauge("connections", "Connections that have said hello.") { $0.add($1.connections, $1) },
        ]
    }

    private static func order(_ failure: CallFailure) -> (Int, UInt32) {
        (failure.operation.rawValue, failure.code.rawValue)
    }

    private var queues: [MetricFamily] {
        [
            gauge("calls_waiting", "Calls that had to wait for something and are not answered.") {
                $0.add($1.callsWaiting, $1)
            },
            gauge("calls_queued", "Calls that wait to be begun, for a limit.") { $0.add($1.admission.waiting, $1) },
            gauge("longest_queue_wait_seconds", "How long the first of the calls that are queued has waited.") {
                $0.add($1.admission.longestWait.inSeconds, $1)
            },
            counter("refusals_total", "Calls and connections that were refused for a limit.") { family, org in
                for limit in CallAdmissionLimit.allCases where org.admission.refusals[limit] > 0 {
                    family.add(org.admission.refusals[limit], org, ("limit", limit.name))
                }
            },
        ]
    }

    // MARK: Commands

    private var execs: [MetricFamily] {
        [
            counter("execs_total", "Commands that have ended, by how.") { family, org in
                for (end, count) in org.execs.ends.sorted(by: { $0.key < $1.key }) {
                    family.add(count, org, ("end", end))
                }
            },
            gauge("execs_running", "Commands that run.") { $0.add($1.execsRunning, $1) },
            counter("exec_cpu_seconds_total", "Processor time of commands that have ended.") { family, org in
                family.add(org.execs.user.inSeconds, org, ("mode", "user"))
                family.add(org.execs.system.inSeconds, org, ("mode", "system"))
            },
        ]
    }

    // MARK: The pool

    private var pool: [MetricFamily] {
        [
            gauge("pool_entries", "Entries of the pool.") { family, org in
                family.add(org.pool.active, org, ("state", "active"))
                family.add(org.pool.idle, org, ("state", "idle"))
                family.add(org.pool.creating, org, ("state", "creating"))
                family.add(org.pool.destroying, org, ("state", "destroying"))
            },
            gauge("pool_leases", "Leases that are held.") { $0.add($1.pool.leases, $1) },
            gauge("pool_waiting", "Acquires that wait.") { $0.add($1.pool.waiting, $1) },
            counter("pool_acquires_total", "Acquires that got an entry at once, or had to wait.") { family, org in
                family.add(org.pool.hits, org, ("result", "hit"))
                family.add(org.pool.misses, org, ("result", "miss"))
            },
            counter("pool_creations_total", "Entries that were made, or could not be.") { family, org in
                family.add(org.pool.creations, org, ("result", "made"))
                family.add(org.pool.creationFailures, org, ("result", "failed"))
            },
            counter("pool_removals_total", "Entries that were destroyed, by why.") { family, org in
                family.add(org.pool.evictions, org, ("reason", "evicted"))
                family.add(org.pool.expirations, org, ("reason", "expired"))
                family.add(org.pool.replacements, org, ("reason", "replaced"))
            },
            counter("pool_refusals_total", "Acquires that got nothing, by why.") { family, org in
                family.add(org.pool.timeouts, org, ("reason", "timeout"))
                family.add(org.pool.refusals, org, ("reason", "queue_full"))
            },
            histogram("pool_wait_seconds", "How long acquires waited that did not get an entry at once.") {
                if $1.pool.waits.count > 0 { $0.add(HistogramValue($1.pool.waits), $1.labels()) }
            },
        ]
    }

    private var workspaces: [MetricFamily] {
        [
            counter("workspaces_deleted_total", "Workspaces that were deleted, by why.") { family, org in
                family.add(org.workspacesDeleted, org, ("reason", "asked"))
                family.add(org.workspacesExpired, org, ("reason", "unused"))
            }
        ]
    }

    private var limits: [MetricFamily] {
        [
            gauge("limit_used", "How much of what it may an org uses.") { family, org in
                for limit in org.limits { family.add(limit.used, org, ("limit", limit.name)) }
            },
            gauge("limit_allowed", "What an org may use.") { family, org in
                for limit in org.limits { family.add(limit.allowed, org, ("limit", limit.name)) }
            },
        ]
    }

    // MARK: -

    private typealias Add = (inout MetricFamily, OrgMetrics) -> Void

    private func counter(_ name: String, _ help: String, _ add: Add) -> MetricFamily {
        family(name, .counter, help, add)
    }

    private func gauge(_ name: String, _ help: String, _ add: Add) -> MetricFamily { family(name, .gauge, help, add) }

    private func histogram(_ name: String, _ help: String, _ add: Add) -> MetricFamily {
        family(name, .histogram, help, add)
    }

    private func family(_ name: String, _ kind: MetricFamily.Kind, _ help: String, _ add: Add) -> MetricFamily {
        var family = MetricFamily("agent_broker_\(name)", kind, help)
        for org in orgs { add(&family, org) }
        return family
    }
}

extension OrgMetrics {
    fileprivate func labels(_ labels: (String, String)...) -> [MetricFamily.Label] { self.labels(labels) }

    fileprivate func labels(_ labels: [(String, String)]) -> [MetricFamily.Label] {
        [MetricFamily.Label("org", name)] + labels.map { MetricFamily.Label($0.0, $0.1) }
    }
}

extension MetricFamily {
    fileprivate mutating func add(_ value: some BinaryInteger, _ org: OrgMetrics, _ labels: (String, String)...) {
        add(Double(value), org.labels(labels))
    }

    fileprivate mutating func add(_ value: Double, _ org: OrgMetrics, _ labels: (String, String)...) {
        add(value, org.labels(labels))
    }
}

extension HistogramValue {
    /// By bounds that double, from 8 µs to 69 s.
    fileprivate init(_ latency: LatencyHistogram) {
        let bounds = Duration.nanoseconds(1 << 13) ... .nanoseconds(1 << 36)
        self.init(
            buckets: latency.cumulative.filter { bounds.contains($0.bound) }.map {
                Bucket(bound: $0.bound.inSeconds, count: $0.count)
            },
            count: latency.count,
            sum: latency.sum.inSeconds
        )
    }

    fileprivate init(_ durations: DurationHistogram) {
        var met: UInt64 = 0
        let buckets = (0..<DurationHistogram.bucketCount - 1).map { bucket in
            met += durations[bucket]
            return Bucket(bound: DurationHistogram.upperBound(ofBucket: bucket).inSeconds, count: met)
        }
        self.init(buckets: buckets, count: durations.count, sum: durations.sum.inSeconds)
    }
}
