internal import AgentBackend
internal import BackendPool
internal import LocalBackend
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
        metrics.limits = sharedLimits(metrics.connections)
        metrics.process = .current
        metrics.eventLoopDelays = delays.look()
        return metrics
    }

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
        if let org { metrics.limits = limits(of: org, metrics) }
        return metrics
    }

    private func limits(of org: Org, _ metrics: OrgMetrics) -> [LimitUse] {
        let (admission, limits) = (metrics.admission, org.limits)
        var uses = [
            LimitUse("connections", admission.connections, of: limits.maxConnections),
            LimitUse("calls_in_flight", admission.callsInFlight, of: limits.maxCallsInFlight),
            LimitUse("bytes_in_flight", admission.bytesInFlight, of: limits.maxBytesInFlight),
            LimitUse("queued_calls", admission.waiting, of: limits.maxQueuedCalls),
            LimitUse("running_commands", admission.commandsRunning, of: limits.maxRunning),
            LimitUse("entries", metrics.pool.entries, of: limits.maxEntries),
        ]
        let disk = usages[org.id]?.used
        uses.append(LimitUse("disk_bytes", disk?.bytes ?? 0, of: UInt64(clamping: limits.maxDiskBytes)))
        uses.append(LimitUse("disk_inodes", disk?.inodes ?? 0, of: UInt64(clamping: limits.maxDiskInodes)))
        let share = entries.knownShare(of: org.id)
        uses.append(LimitUse("memory_bytes", share?.budget.held ?? 0, of: UInt64(clamping: limits.maxMemoryBytes)))
        let watched = share?.watchShare.used ?? (watches: 0, directories: 0)
        uses.append(LimitUse("watches", watched.watches, of: limits.watch.watches))
        uses.append(LimitUse("watched_directories", watched.directories, of: limits.watch.directories))
        return uses
    }

    private func sharedLimits(_ connections: Int) -> [LimitUse] {
        let (configuration, admission) = (configuration.current, admission.snapshot(of: nil))
        let served = AdmissionLimits.ofProcess(configuration).maximumConnections
        return [
            LimitUse("connections", connections, of: served),
            LimitUse("calls_in_flight", admission.callsInFlight, of: configuration.limits.maxCallsInFlight),
            LimitUse("running_commands", admission.commandsRunning, of: configuration.exec.maxRunning),
            LimitUse("entries", pool.statistics().entries, of: configuration.pool.maxEntries),
        ]
    }
}
