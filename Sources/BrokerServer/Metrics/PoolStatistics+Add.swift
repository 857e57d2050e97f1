internal import BackendPool

extension PoolStatistics {
    /// Those of another org, as if both were one.
    mutating func add(_ other: PoolStatistics) {
        active += other.active
        idle += other.idle
        creating += other.creating
        destroying += other.destroying
        queued += other.queued
        waiting += other.waiting
        longestWait = max(longestWait, other.longestWait)
        leases += other.leases
        hits += other.hits
        misses += other.misses
        creations += other.creations
        creationFailures += other.creationFailures
        evictions += other.evictions
        expirations += other.expirations
        replacements += other.replacements
        timeouts += other.timeouts
        refusals += other.refusals
        staleReleases += other.staleReleases
        abandonedLeases += other.abandonedLeases
        waits.add(other.waits)
        holds.add(other.holds)
    }
}
