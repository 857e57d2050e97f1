internal import AgentBackend
internal import BackendPool
internal import BrokerWire

/// The pool of backends, by org.
extension ListPools: SessionVerb {
    static let name = "pools"
    static let isModifying = false

    /// Most orgs in one answer: they stay well within a frame's head.
    private static let maximumPools = 200

    func attempt(_ target: Target?, in session: Session, of broker: BrokerCore) -> NonBlocking<Answer> {
        .done(Answer(.pools(page(session.principal, broker))))
    }

    func perform(_ call: Call, in session: Session, of broker: BrokerCore) async throws(BackendError) -> Answer {
        Answer(.pools(page(session.principal, broker)))
    }

    private func page(_ principal: Principal, _ broker: BrokerCore) -> PoolPage {
        let limit = limit > 0 ? min(Int(limit), Self.maximumPools) : Self.maximumPools
        var orgs = BoundedSelection<Org>(limit: limit) { $0.name < $1.name }
        for org in principal.isOperator ? broker.tenancy.current.orgs.orgs : [principal.org] where org.name > after {
            orgs.insert(org)
        }
        let pools = orgs.sorted().map { org in
            OrgPool(
                org: org.name,
                pool: StatsReply.Pool(broker.pool.statistics(org: org.id)),
                calls: StatsReply.Calls(broker.admission.snapshot(of: org.id))
            )
        }
        return PoolPage(pools: pools, isTruncated: orgs.isTruncated)
    }
}
