internal import AgentBackend
internal import BackendPool
internal import BrokerWire
internal import Synchronization

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
        let pools = orgs.sorted().map { OrgPool($0, broker) }
        return PoolPage(pools: pools, isTruncated: orgs.isTruncated)
    }
}

extension OrgPool {
    fileprivate init(_ org: Org, _ broker: BrokerCore) {
        let (pool, calls) = (broker.pool.statistics(org: org.id), broker.admission.snapshot(of: org.id))
        self.init(org: org.name, pool: StatsReply.Pool(pool), calls: StatsReply.Calls(calls))
        let counters = broker.counters[org]
        let tally = counters.callTally
        connections = UInt32(clamping: counters.connections.load(ordering: .relaxed))
        callsOK = tally.answeredCount
        callsFailed = tally.failedCount
        callsInFlight = UInt32(clamping: counters.callsWaiting.load(ordering: .relaxed))
        execsRunning = UInt32(clamping: counters.execsRunning.load(ordering: .relaxed))
        limits = broker.limits(of: org, pool, calls)
    }
}
