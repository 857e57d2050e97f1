internal import BrokerWire

/// Counters of an org, or of all orgs together.
public struct BrokerStatistics: Sendable, Hashable {
    /// Durations that were counted since the broker's start. The percentiles are upper bounds, at most twice the truth.
    public struct Durations: Sendable, Hashable {
        public var count: UInt64
        public var sum: Duration
        public var p50: Duration
        public var p99: Duration
    }

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
        /// Idle entries destroyed to make room, or for their idleness or age: those of `expirations` included.
        public var evictions: UInt64
        /// Leases given back that were not held.
        public var staleReleases: UInt64
        /// Entries destroyed for their idleness or age.
        public var expirations: UInt64
        /// Entries replaced because their backend was no longer usable.
        public var replacements: UInt64
        /// Acquires that gave up at their deadline.
        public var timeouts: UInt64
        /// Acquires refused because too many waited.
        public var refusals: UInt64
        /// Leases held.
        public var leases: UInt32
        /// Entries that are being destroyed.
        public var destroying: UInt32
        /// Keys that wait for room.
        public var queued: UInt32
        /// How long the acquire that has waited longest has.
        public var longestWait: Duration
        /// How long acquires waited that got a lease, without those that got it at once.
        public var waits: Durations
        /// How long leases were held.
        public var holds: Durations
    }

    /// Calls that wait for their turn, and what was refused for a limit since the broker's start.
    public struct Calls: Sendable, Hashable {
        /// Now.
        public var waiting: UInt32
        /// How long the first of them has waited.
        public var longestWait: Duration
        /// Bytes kept of unanswered calls now.
        public var bytesInFlight: UInt64
        /// Connections over the org's number.
        public var orgConnectionsRefusals: UInt64
        /// Calls that waited in vain for one of the org's slots.
        public var orgCallsInFlightRefusals: UInt64
        /// Commands that did for one of the org's.
        public var orgRunningCommandsRefusals: UInt64
        /// Calls with more bytes than the org had left.
        public var orgBytesInFlightRefusals: UInt64
        /// Calls that found the org's queue full.
        public var orgQueuedCallsRefusals: UInt64
        /// Calls that waited in vain for their turn by the org's rate.
        public var orgCallsPerSecondRefusals: UInt64
        /// The same by its rate of bytes.
        public var orgBytesPerSecondRefusals: UInt64
        /// Calls that waited in vain for one of the broker's slots.
        public var callsInFlightRefusals: UInt64
        /// Commands that did for one of the broker's.
        public var runningCommandsRefusals: UInt64
    }

    public var serverVersion: String
    public var node: String
    /// Empty: all together.
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
    /// Since the broker's start: on request, and because nobody used them for long.
    public var workspacesDeleted: UInt64
    public var workspacesExpired: UInt64
    public var calls: Calls
    /// Of peers that had shown no valid token, since the broker's start, for an operator who asks for all orgs.
    public var connectionsRefused: UInt64
    /// Connections of such peers that had to go for a newer one.
    public var connectionsDisplaced: UInt64
    public var authFailures: UInt64
    /// What the org has in use of what it may. None of all together.
    public var limits: [BrokerLimitUse]
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
            pool: Pool(reply.pool),
            workspacesDeleted: reply.workspacesDeleted,
            workspacesExpired: reply.workspacesExpired,
            calls: Calls(reply.calls),
            connectionsRefused: reply.connectionsRefused,
            connectionsDisplaced: reply.connectionsDisplaced,
            authFailures: reply.authFailures,
            limits: reply.limits.map(BrokerLimitUse.init)
        )
    }
}

extension BrokerStatistics.Pool {
    init(_ pool: StatsReply.Pool) {
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
            staleReleases: pool.staleReleases,
            expirations: pool.expirations,
            replacements: pool.replacements,
            timeouts: pool.timeouts,
            refusals: pool.refusals,
            leases: pool.leases,
            destroying: pool.destroying,
            queued: pool.queued,
            longestWait: pool.longestWait,
            waits: BrokerStatistics.Durations(pool.waits),
            holds: BrokerStatistics.Durations(pool.holds)
        )
    }
}

extension BrokerStatistics.Calls {
    init(_ calls: StatsReply.Calls) {
        self.init(
            waiting: calls.waiting,
            longestWait: calls.longestWait,
            bytesInFlight: calls.bytesInFlight,
            orgConnectionsRefusals: calls.orgConnectionsRefusals,
            orgCallsInFlightRefusals: calls.orgCallsInFlightRefusals,
            orgRunningCommandsRefusals: calls.orgRunningCommandsRefusals,
            orgBytesInFlightRefusals: calls.orgBytesInFlightRefusals,
            orgQueuedCallsRefusals: calls.orgQueuedCallsRefusals,
            orgCallsPerSecondRefusals: calls.orgCallsPerSecondRefusals,
            orgBytesPerSecondRefusals: calls.orgBytesPerSecondRefusals,
            callsInFlightRefusals: calls.callsInFlightRefusals,
            runningCommandsRefusals: calls.runningCommandsRefusals
        )
    }
}

extension BrokerStatistics.Durations {
    fileprivate init(_ durations: StatsReply.Durations) {
        self.init(count: durations.count, sum: durations.sum, p50: durations.p50, p99: durations.p99)
    }
}
