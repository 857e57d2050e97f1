internal import AgentBackend
internal import BackendPool
internal import BrokerWire
internal import LocalBackend

extension BrokerCore {
    /// What an org has in use of what it may, as errors name it.
    func limits(of org: Org, _ pool: PoolStatistics, _ calls: CallAdmissionSnapshot) -> [LimitUse] {
        let limits = org.limits
        let disk = usages[org.id]?.used ?? UsageAmount()
        let share = entries.knownShare(of: org.id)
        let watched = share?.watchShare.used ?? (watches: 0, directories: 0)
        let uploaded = uploads.room.used(of: org.id)
        return [
            LimitUse(.connections, calls.connections, of: limits.maxConnections),
            LimitUse(.callsInFlight, calls.callsInFlight, of: limits.maxCallsInFlight),
            LimitUse(.queuedCalls, calls.waiting, of: limits.maxQueuedCalls),
            LimitUse(.commandsRunning, calls.commandsRunning, of: limits.maxRunning),
            LimitUse(.bytesInFlight, calls.bytesInFlight, of: limits.maxBytesInFlight),
            LimitUse("org_entries", pool.entries, of: limits.maxEntries),
            LimitUse("org_disk_bytes", used: disk.bytes, allowed: limits.diskQuota.bytes),
            LimitUse("org_disk_inodes", used: disk.inodes, allowed: limits.diskQuota.inodes),
            LimitUse("memory_bytes", used: share?.budget.held ?? 0, allowed: UInt64(clamping: limits.maxMemoryBytes)),
            LimitUse("uploads", uploaded.uploads, of: configuration.current.limits.maxUploadsPerOrg),
            LimitUse(
                "upload_bytes",
                used: uploaded.bytes,
                allowed: UInt64(clamping: configuration.current.limits.maxUploadBytesPerOrg)
            ),
            LimitUse("watches", watched.watches, of: limits.watch.watches),
            LimitUse("watched_directories", watched.directories, of: limits.watch.directories),
        ]
    }

    /// The same of what all orgs share. `connections`: all that are open.
    func sharedLimits(connections: Int) -> [LimitUse] {
        let (configuration, calls) = (configuration.current, admission.snapshot(of: nil))
        return [
            LimitUse("connections", connections, of: AdmissionLimits.ofProcess(configuration).maximumConnections),
            LimitUse(.brokerCallsInFlight, calls.callsInFlight, of: configuration.limits.maxCallsInFlight),
            LimitUse(.brokerCommandsRunning, calls.commandsRunning, of: configuration.exec.maxRunning),
            LimitUse("entries", pool.statistics().entries, of: configuration.pool.maxEntries),
        ]
    }
}

extension LimitUse {
    fileprivate init(_ limit: CallAdmissionLimit, _ used: Int, of allowed: Int) {
        self.init(limit.name, used, of: allowed)
    }

    fileprivate init(_ name: String, _ used: Int, of allowed: Int) {
        self.init(name, used: UInt64(clamping: used), allowed: UInt64(clamping: allowed))
    }
}
