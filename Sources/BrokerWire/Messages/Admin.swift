internal import AgentBackend
internal import CBrokerProtos

/// Counters of the caller's org; see `admin.proto`.
package struct StatsReply: Sendable, Hashable {
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
        return message
    }
}
