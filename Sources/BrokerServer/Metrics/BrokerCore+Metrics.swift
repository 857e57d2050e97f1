internal import AgentBackend
internal import BackendPool
internal import Synchronization

extension BrokerCore {
    /// Costs as much as there are orgs, however many connections and entries they have. From any thread.
    func metrics(_ delays: EventLoopDelays) -> BrokerMetrics {
        var metrics = BrokerMetrics()
        metrics.version = BrokerVersion.current
        metrics.node = node
        metrics.isolation = isolation
        metrics.uptime = uptime
        metrics.isDraining = drain.isDraining
        let directory = tenancy.current.orgs
        // Those that nobody has spoken for yet are there as well.
        for org in directory.orgs { _ = counters[org] }
        let limits = Dictionary(directory.orgs.map { ($0.id, $0) }) { first, _ in first }
        metrics.orgs = counters.all.map { orgMetrics($0.id, $0.name, $0.counters, limits[$0.id]) }
        metrics.connections = connections.count
        let strangers = connections.admissionCounts
        metrics.connectionsRefused = strangers.refused
        metrics.connectionsDisplaced = strangers.displaced
        metrics.authFailures = strangers.authFailures
        metrics.limits = sharedLimits(connections: metrics.connections)
        metrics.process = .current
        metrics.eventLoopDelays = delays.look()
        return metrics
    }

    /// Costs the same however many orgs there are. From any thread.
    func metrics(of org: Org) -> OrgMetrics { orgMetrics(org.id, org.name, counters[org], org) }

    private func orgMetrics(_ id: Org.ID, _ name: String, _ counters: OrgCounters, _ org: Org?) -> OrgMetrics {
        var metrics = OrgMetrics(id: id, name: name)
        metrics.calls = counters.callTally
        metrics.execs = counters.execTally
        metrics.execsRunning = max(0, counters.execsRunning.load(ordering: .relaxed))
        metrics.connections = max(0, counters.connections.load(ordering: .relaxed))
        metrics.callsWaiting = max(0, counters.callsWaiting.load(ordering: .relaxed))
        metrics.workspacesDeleted = counters.workspacesDeleted.load(ordering: .relaxed)
        metrics.workspacesExpired = counters.workspacesExpired.load(ordering: .relaxed)
        metrics.pool = pool.statistics(org: id)
        metrics.admission = admission.snapshot(of: id)
        if let org { metrics.limits = limits(of: org, metrics.pool, metrics.admission) }
        return metrics
    }
}
