internal import AgentBackend
internal import BackendPool
internal import BrokerWire
internal import Synchronization

/// Counters of an org, or of all.
extension Stats: SessionVerb {
    static let name = "stats"
    static let isModifying = false

    func attempt(_ target: Target?, in session: Session, of broker: BrokerCore) -> NonBlocking<Answer> {
        .preparing(try session.inspected(org, of: broker)) { .done(Answer(.stats(reply(of: $0, broker)))) }
    }

    func perform(_ call: Call, in session: Session, of broker: BrokerCore) async throws(BackendError) -> Answer {
        Answer(.stats(reply(of: try session.inspected(org, of: broker), broker)))
    }

    private func reply(of org: Org?, _ broker: BrokerCore) -> StatsReply {
        var reply = StatsReply()
        reply.serverVersion = BrokerVersion.current
        reply.node = broker.node
        reply.org = org?.name ?? ""
        reply.uptime = broker.uptime
        for counters in org.map({ [broker.counters[$0]] }) ?? broker.counters.all.map(\.counters) {
            reply.add(counters)
        }
        let pool = org.map { broker.pool.statistics(org: $0.id) } ?? broker.pool.statistics()
        let calls = broker.admission.snapshot(of: org?.id)
        reply.pool = StatsReply.Pool(pool)
        reply.calls = StatsReply.Calls(calls)
        if let org {
            reply.limits = broker.limits(of: org, pool, calls)
        } else {
            let strangers = broker.connections.admissionCounts
            reply.connectionsRefused = strangers.refused
            reply.connectionsDisplaced = strangers.displaced
            reply.authFailures = strangers.authFailures
        }
        return reply
    }
}

extension StatsReply {
    fileprivate mutating func add(_ counters: OrgCounters) {
        connections += UInt32(clamping: counters.connections.load(ordering: .relaxed))
        let calls = counters.callTally
        callsOK += calls.answeredCount
        callsFailed += calls.failedCount
        callsInFlight += UInt32(clamping: counters.callsWaiting.load(ordering: .relaxed))
        execsRunning += UInt32(clamping: counters.execsRunning.load(ordering: .relaxed))
        workspacesDeleted += counters.workspacesDeleted.load(ordering: .relaxed)
        workspacesExpired += counters.workspacesExpired.load(ordering: .relaxed)
    }
}

extension StatsReply.Pool {
    init(_ statistics: PoolStatistics) {
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

extension StatsReply.Calls {
    init(_ snapshot: CallAdmissionSnapshot) {
        self.init()
        waiting = UInt32(clamping: snapshot.waiting)
        longestWait = snapshot.longestWait
        bytesInFlight = UInt64(clamping: snapshot.bytesInFlight)
        orgConnectionsRefusals = snapshot.refusals[.connections]
        orgCallsInFlightRefusals = snapshot.refusals[.callsInFlight]
        orgRunningCommandsRefusals = snapshot.refusals[.commandsRunning]
        orgBytesInFlightRefusals = snapshot.refusals[.bytesInFlight]
        orgQueuedCallsRefusals = snapshot.refusals[.queuedCalls]
        orgCallsPerSecondRefusals = snapshot.refusals[.callsPerSecond]
        orgBytesPerSecondRefusals = snapshot.refusals[.bytesPerSecond]
        callsInFlightRefusals = snapshot.refusals[.brokerCallsInFlight]
        runningCommandsRefusals = snapshot.refusals[.brokerCommandsRunning]
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
