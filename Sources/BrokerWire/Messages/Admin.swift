internal import AgentBackend
internal import CBrokerProtos

/// Counters of the caller's org; see `admin.proto`.
package struct StatsReply: Sendable, Hashable {
    /// Durations that were counted. The percentiles are upper bounds, at most twice the truth.
    package struct Durations: Sendable, Hashable {
        package var count: UInt64 = 0
        package var sum = Duration.zero
        package var p50 = Duration.zero
        package var p99 = Duration.zero

        package init() {}
    }

    package struct Pool: Sendable, Hashable {
        package var active: UInt32 = 0
        package var idle: UInt32 = 0
        package var creating: UInt32 = 0
        package var waiting: UInt32 = 0
        package var hits: UInt64 = 0
        package var misses: UInt64 = 0
        package var creations: UInt64 = 0
        package var creationFailures: UInt64 = 0
        package var evictions: UInt64 = 0
        package var staleReleases: UInt64 = 0
        package var expirations: UInt64 = 0
        package var replacements: UInt64 = 0
        package var timeouts: UInt64 = 0
        package var refusals: UInt64 = 0
        package var leases: UInt32 = 0
        package var destroying: UInt32 = 0
        package var queued: UInt32 = 0
        package var longestWait = Duration.zero
        package var waits = Durations()
        package var holds = Durations()

        package init() {}
    }

    package var serverVersion = ""
    package var node = ""
    package var org = ""
    package var uptime = Duration.zero
    package var connections: UInt32 = 0
    package var callsOK: UInt64 = 0
    package var callsFailed: UInt64 = 0
    package var callsInFlight: UInt32 = 0
    package var execsRunning: UInt32 = 0
    package var pool = Pool()
    package var workspacesDeleted: UInt64 = 0
    package var workspacesExpired: UInt64 = 0
    package var calls = Calls()
    package var connectionsRefused: UInt64 = 0
    package var connectionsDisplaced: UInt64 = 0
    package var authFailures: UInt64 = 0
    package var limits: [LimitUse] = []

    package init() {}
}

extension StatsReply: WireMessage {
    init(_ message: Agentbroker__V1__StatsReply) throws(BackendError) {
        serverVersion = try MessageReader.string(message.server_version, "stats_reply.server_version")
        node = try MessageReader.string(message.node, "stats_reply.node")
        org = try MessageReader.string(message.org, "stats_reply.org")
        uptime = .milliseconds(message.uptime_ms)
        connections = message.connections
        callsOK = message.calls_ok
        callsFailed = message.calls_failed
        callsInFlight = message.calls_in_flight
        execsRunning = message.execs_running
        if let inner = message.pool { pool = Pool(inner.pointee) }
        workspacesDeleted = message.workspaces_deleted
        workspacesExpired = message.workspaces_expired
        if let inner = message.calls { calls = Calls(inner.pointee) }
        connectionsRefused = message.connections_refused
        connectionsDisplaced = message.connections_displaced
        authFailures = message.auth_failures
        limits = try LimitUse.array(message.limits, count: message.n_limits)
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__StatsReply> {
        let message = builder.make(agentbroker__v1__stats_reply__init)
        message.pointee.server_version = builder.string(serverVersion)
        message.pointee.node = builder.string(node)
        message.pointee.org = builder.string(org)
        message.pointee.uptime_ms = uptime.inMilliseconds
        message.pointee.connections = connections
        message.pointee.calls_ok = callsOK
        message.pointee.calls_failed = callsFailed
        message.pointee.calls_in_flight = callsInFlight
        message.pointee.execs_running = execsRunning
        message.pointee.pool = pool.build(builder)
        message.pointee.workspaces_deleted = workspacesDeleted
        message.pointee.workspaces_expired = workspacesExpired
        message.pointee.calls = calls.build(builder)
        message.pointee.connections_refused = connectionsRefused
        message.pointee.connections_displaced = connectionsDisplaced
        message.pointee.auth_failures = authFailures
        message.pointee.n_limits = limits.count
        message.pointee.limits = builder.array(limits) { $0.build(builder) }
        return message
    }
}

extension StatsReply.Pool: WireMessage {
    init(_ message: Agentbroker__V1__PoolStats) {
        active = message.active
        idle = message.idle
        creating = message.creating
        waiting = message.waiting
        hits = message.hits
        misses = message.misses
        creations = message.creations
        creationFailures = message.creation_failures
        evictions = message.evictions
        staleReleases = message.stale_releases
        expirations = message.expirations
        replacements = message.replacements
        timeouts = message.timeouts
        refusals = message.refusals
        leases = message.leases
        destroying = message.destroying
        queued = message.queued
        longestWait = Duration(wireMicroseconds: message.longest_wait_us)
        if let inner = message.waits { waits = StatsReply.Durations(inner.pointee) }
        if let inner = message.holds { holds = StatsReply.Durations(inner.pointee) }
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__PoolStats> {
        let message = builder.make(agentbroker__v1__pool_stats__init)
        message.pointee.active = active
        message.pointee.idle = idle
        message.pointee.creating = creating
        message.pointee.waiting = waiting
        message.pointee.hits = hits
        message.pointee.misses = misses
        message.pointee.creations = creations
        message.pointee.creation_failures = creationFailures
        message.pointee.evictions = evictions
        message.pointee.stale_releases = staleReleases
        message.pointee.expirations = expirations
        message.pointee.replacements = replacements
        message.pointee.timeouts = timeouts
        message.pointee.refusals = refusals
        message.pointee.leases = leases
        message.pointee.destroying = destroying
        message.pointee.queued = queued
        message.pointee.longest_wait_us = longestWait.inMicroseconds
        message.pointee.waits = waits.build(builder)
        message.pointee.holds = holds.build(builder)
        return message
    }
}

extension StatsReply.Durations: WireMessage {
    init(_ message: Agentbroker__V1__DurationStats) {
        count = message.count
        sum = Duration(wireMicroseconds: message.sum_us)
        p50 = Duration(wireMicroseconds: message.p50_us)
        p99 = Duration(wireMicroseconds: message.p99_us)
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__DurationStats> {
        let message = builder.make(agentbroker__v1__duration_stats__init)
        message.pointee.count = count
        message.pointee.sum_us = sum.inMicroseconds
        message.pointee.p50_us = p50.inMicroseconds
        message.pointee.p99_us = p99.inMicroseconds
        return message
    }
}

extension Duration {
    init(wireMicroseconds microseconds: UInt64) {
        self = .microseconds(Int64(clamping: microseconds))
    }
}
