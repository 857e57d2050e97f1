internal import BrokerWire

/// Counters of the caller's org.
public struct BrokerStatistics: Sendable, Hashable {
    /// Of the org's share of the pool of backends.
    public struct Pool: Sendable, Hashable {
        public var active: UInt32
        public var idle: UInt32
        public var creating: UInt32
        public var waiting: UInt32
        public var hits: UInt64
        public var misses: UInt64
        public var creations: UInt64
        public var creationFailures: UInt64
        public var evictions: UInt64
        /// Leases given back that were not held.
        public var staleReleases: UInt64
    }

    public var serverVersion: String
    public var node: String
    public var org: String
    public var uptime: Duration
    /// Open now.
    public var connections: UInt32
    /// Answered since the broker's start, by result.
    public var callsOK: UInt64
    public var callsFailed: UInt64
    /// Unanswered now.
    public var callsInFlight: UInt32
    public var execsRunning: UInt32
    public var pool: Pool
}

extension BrokerStatistics {
    init(_ reply: StatsReply) {
        self.init(
            serverVersion: reply.serverVersion,
            node: reply.node,
            org: reply.org,
            uptime: reply.uptime,
            connections: reply.connections,
            callsOK: reply.callsOK,
            callsFailed: reply.callsFailed,
            callsInFlight: reply.callsInFlight,
            execsRunning: reply.execsRunning,
            pool: Pool(reply.pool)
        )
    }
}

extension BrokerStatistics.Pool {
    fileprivate init(_ pool: StatsReply.Pool) {
        self.init(
            active: pool.active,
            idle: pool.idle,
            creating: pool.creating,
            waiting: pool.waiting,
            hits: pool.hits,
            misses: pool.misses,
            creations: pool.creations,
            creationFailures: pool.creationFailures,
            evictions: pool.evictions,
            staleReleases: pool.staleReleases
        )
    }
}
