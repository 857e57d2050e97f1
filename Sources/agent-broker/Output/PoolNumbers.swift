import AgentBackend
import BrokerClient

/// The counters of a share of the pool by the names that JSON and plain output have for them.
struct PoolNumbers {
    let pool: BrokerStatistics.Pool

    var all: [(StaticString, UInt64)] {
        [
            ("pool_active", UInt64(pool.active)),
            ("pool_idle", UInt64(pool.idle)),
            ("pool_creating", UInt64(pool.creating)),
            ("pool_waiting", UInt64(pool.waiting)),
            ("pool_hits", pool.hits),
            ("pool_misses", pool.misses),
            ("pool_creations", pool.creations),
            ("pool_creation_failures", pool.creationFailures),
            ("pool_evictions", pool.evictions),
            ("pool_stale_releases", pool.staleReleases),
            ("pool_expirations", pool.expirations),
            ("pool_replacements", pool.replacements),
            ("pool_timeouts", pool.timeouts),
            ("pool_refusals", pool.refusals),
            ("pool_leases", UInt64(pool.leases)),
            ("pool_destroying", UInt64(pool.destroying)),
            ("pool_queued", UInt64(pool.queued)),
            ("pool_longest_wait_us", pool.longestWait.inMicroseconds),
            ("pool_waits", pool.waits.count),
            ("pool_waits_us", pool.waits.sum.inMicroseconds),
            ("pool_wait_p50_us", pool.waits.p50.inMicroseconds),
            ("pool_wait_p99_us", pool.waits.p99.inMicroseconds),
            ("pool_holds", pool.holds.count),
            ("pool_holds_us", pool.holds.sum.inMicroseconds),
            ("pool_hold_p50_us", pool.holds.p50.inMicroseconds),
            ("pool_hold_p99_us", pool.holds.p99.inMicroseconds),
        ]
    }
}
