internal import AgentBackend
internal import BrokerWire

extension UnaryCall<BrokerStatistics> {
    /// Empty: of the token's org, or of all.
    static func stats(of org: String) -> Self {
        Self(operation: .stats(Stats(org: org))) {
            if case .stats(let reply) = $0 { BrokerStatistics(reply) } else { nil }
        }
    }
}

extension UnaryCall<PoolPage> {
    static func pools(after org: String) -> Self {
        Self(operation: .pools(ListPools(after: org))) { if case .pools(let page) = $0 { page } else { nil } }
    }
}

extension UnaryCall<ConnectionPage> {
    static func connections(of org: String, after number: UInt64) -> Self {
        Self(operation: .connections(ListConnections(org: org, after: number))) {
            if case .connections(let page) = $0 { page } else { nil }
        }
    }
}

extension UnaryCall<BrokerReload> {
    static var reload: Self {
        Self(operation: .reload) {
            guard case .reload(let reply) = $0 else { return nil }
            return BrokerReload(changes: reply.changes, connectionsEnded: reply.connectionsEnded)
        }
    }
}
