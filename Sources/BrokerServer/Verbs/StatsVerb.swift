internal import AgentBackend
internal import BackendPool
internal import BrokerWire
internal import Synchronization

/// Counters of the caller's org.
struct Stats: SessionVerb {
    static let name = "stats"
    static let isModifying = false

    func attempt(_ target: Target?, in session: Session, of broker: BrokerCore) -> NonBlocking<Answer> {
        .done(Answer(.stats(reply(session, broker))))
    }

    func perform(_ call: Call, in session: Session, of broker: BrokerCore) async throws(BackendError) -> Answer {
        Answer(.stats(reply(session, broker)))
    }

    private func reply(_ session: Session, _ broker: BrokerCore) -> StatsReply {
        let org = session.principal.org
        let counters = broker.counters[org.id]
        var reply = StatsReply()
        reply.serverVersion = BrokerVersion.current
        reply.node = broker.node
        reply.org = org.name
        reply.uptime = broker.uptime
        reply.connections = UInt32(clamping: counters.connections.load(ordering: .relaxed))
        reply.callsOK = counters.callsOK.load(ordering: .relaxed)
        reply.callsFailed = counters.callsFailed.load(ordering: .relaxed)
        reply.callsInFlight = UInt32(clamping: counters.callsWaiting.load(ordering: .relaxed))
        reply.execsRunning = UInt32(clamping: counters.execsRunning.load(ordering: .relaxed))
        reply.pool = StatsReply.Pool(broker.pool.statistics(org: org.id))
        reply.workspacesDeleted = counters.workspacesDeleted.load(ordering: .relaxed)
        reply.workspacesExpired = counters.workspacesExpired.load(ordering: .relaxed)
        return reply
    }
}

extension StatsReply.Pool {
    fileprivate init(_ statistics: PoolStatistics) {
        self.init()
        active = UInt32(clamping: statistics.active)
        idle = UInt32(clamping: statistics.idle)
        creating = UInt32(clamping: statistics.creating)
        waiting = UInt32(clamping: statistics.waiting)
        hits = statistics.hits
        misses = statistics.misses
        creations = statistics.creations
        creationFailures = statistics.creationFailures
        evictions = statistics.evictions + statistics.expirations
        staleReleases = statistics.staleReleases
        expirations = statistics.expirations
        replacements = statistics.replacements
        timeouts = statistics.timeouts
        refusals = statistics.refusals
        leases = UInt32(clamping: statistics.leases)
        destroying = UInt32(clamping: statistics.destroying)
        queued = UInt32(clamping: statistics.queued)
        longestWait = statistics.longestWait
        waits = StatsReply.Durations(statistics.waits)
        holds = StatsReply.Durations(statistics.holds)
    }
}

extension StatsReply.Durations {
    init(_ histogram: DurationHistogram) {
        self.init()
        count = histogram.count
        sum = histogram.sum
        p50 = Self.percentile(50, of: histogram)
        p99 = Self.percentile(99, of: histogram)
    }

    /// The bound of the bucket in which so many of a hundred durations have been met; zero where there are none.
    private static func percentile(_ percent: UInt64, of histogram: DurationHistogram) -> Duration {
        let rank = (histogram.count * percent + 99) / 100
        var met: UInt64 = 0
        for bucket in 0..<DurationHistogram.bucketCount where rank > 0 {
            met += histogram[bucket]
            if met >= rank { return DurationHistogram.upperBound(ofBucket: bucket) }
        }
        return .zero
    }
}
