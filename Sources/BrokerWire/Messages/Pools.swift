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
            return OrgPool(
                org: try MessageReader.string(share.org, "org_pool.org"),
                pool: StatsReply.Pool(pool.pointee),
                // An older broker tells none.
                calls: share.calls.map { StatsReply.Calls($0.pointee) } ?? StatsReply.Calls()
            )
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
            return message
        }
        message.pointee.truncated = isTruncated ? 1 : 0
        return message
    }
}
