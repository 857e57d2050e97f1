internal import AgentBackend
internal import CBrokerProtos

package struct ListPools: Sendable, Hashable {
    /// Empty: from the start.
    package var after: String
    /// 0: the broker's.
    package var limit: UInt32

    package init(after: String = "", limit: UInt32 = 0) {
        self.after = after
        self.limit = limit
    }
}

extension ListPools: WireMessage {
    init(_ message: Agentbroker__V1__Pools) throws(BackendError) {
        after = try MessageReader.string(message.after, "pools.after")
        limit = message.limit
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__Pools> {
        let message = builder.make(agentbroker__v1__pools__init)
        message.pointee.after = builder.string(after)
        message.pointee.limit = limit
        return message
    }
}

/// An org's share of the pool.
package struct OrgPool: Sendable, Hashable {
    package var org: String
    package var pool: StatsReply.Pool
    package var calls: StatsReply.Calls
    package var connections: UInt32 = 0
    package var callsOK: UInt64 = 0
    package var callsFailed: UInt64 = 0
    package var callsInFlight: UInt32 = 0
    package var execsRunning: UInt32 = 0
    /// An older broker tells none.
    package var limits: [LimitUse] = []

    package init(org: String, pool: StatsReply.Pool, calls: StatsReply.Calls = StatsReply.Calls()) {
        self.org = org
        self.pool = pool
        self.calls = calls
    }
}

package struct PoolPage: Sendable, Hashable {
    package var pools: [OrgPool]
    package var isTruncated: Bool

    package init(pools: [OrgPool], isTruncated: Bool) {
        self.pools = pools
        self.isTruncated = isTruncated
    }
}

extension PoolPage: WireMessage {
    init(_ message: Agentbroker__V1__PoolsReply) throws(BackendError) {
        pools = try MessageReader.array(message.pools, count: message.n_pools) { share throws(BackendError) in
            guard let share = share?.pointee, let pool = share.pool else { throw MessageCodec.malformed }
            var result = OrgPool(
                org: try MessageReader.string(share.org, "org_pool.org"),
                pool: StatsReply.Pool(pool.pointee),
                // An older broker tells none.
                calls: share.calls.map { StatsReply.Calls($0.pointee) } ?? StatsReply.Calls()
            )
            result.connections = share.connections
            result.callsOK = share.calls_ok
            result.callsFailed = share.calls_failed
            result.callsInFlight = share.calls_in_flight
            result.execsRunning = share.execs_running
            result.limits = try LimitUse.array(share.limits, count: share.n_limits)
            return result
        }
        isTruncated = message.truncated != 0
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__PoolsReply> {
        let message = builder.make(agentbroker__v1__pools_reply__init)
        message.pointee.n_pools = pools.count
        message.pointee.pools = builder.array(pools) { share in
            let message = builder.make(agentbroker__v1__org_pool__init)
            message.pointee.org = builder.string(share.org)
            message.pointee.pool = share.pool.build(builder)
            message.pointee.calls = share.calls.build(builder)
            message.pointee.connections = share.connections
            message.pointee.calls_ok = share.callsOK
            message.pointee.calls_failed = share.callsFailed
            message.pointee.calls_in_flight = share.callsInFlight
            message.pointee.execs_running = share.execsRunning
            message.pointee.n_limits = share.limits.count
            message.pointee.limits = builder.array(share.limits) { $0.build(builder) }
            return message
        }
        message.pointee.truncated = isTruncated ? 1 : 0
        return message
    }
}

/// What an org has in use of what it may.
package struct LimitUse: Sendable, Hashable {
    /// As errors name it.
    package var name: String
    package var used: UInt64
    package var allowed: UInt64

    package init(_ name: String, used: UInt64, allowed: UInt64) {
        self.name = name
        self.used = used
        self.allowed = allowed
    }
}

extension LimitUse: WireMessage {
    static func array(
        _ messages: UnsafeMutablePointer<UnsafeMutablePointer<Agentbroker__V1__LimitUse>?>?,
        count: Int
    ) throws(BackendError) -> [LimitUse] {
        try MessageReader.array(messages, count: count) { message throws(BackendError) in
            guard let message = message?.pointee else { throw MessageCodec.malformed }
            return try LimitUse(message)
        }
    }

    init(_ message: Agentbroker__V1__LimitUse) throws(BackendError) {
        name = try MessageReader.string(message.name, "limit_use.name")
        used = message.used
        allowed = message.allowed
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__LimitUse> {
        let message = builder.make(agentbroker__v1__limit_use__init)
        message.pointee.name = builder.string(name)
        message.pointee.used = used
        message.pointee.allowed = allowed
        return message
    }
}
