internal import AgentBackend
internal import BackendPool
internal import BrokerWire

/// What the routers of all event loops share. Nothing in it belongs to one connection.
final class BrokerCore: Sendable {
    typealias Pool = BackendPoolManager<BackendEntry, EntryConfiguration, MonotonicClock>

    let pool: Pool
    let workspaces: Workspaces
    let counters: OrgCounterTable
    let admission: CallAdmission
    private let factory: EntryFactory
    let node: String
    let isolation: String
    let drain: BrokerDrain
    private let start = ContinuousClock.now

    init(
        pool: Pool,
        workspaces: Workspaces,
        counters: OrgCounterTable,
        admission: CallAdmission,
        factory: EntryFactory,
        node: String,
        isolation: String,
        drain: BrokerDrain
    ) {
        self.pool = pool
        self.workspaces = workspaces
        self.counters = counters
        self.admission = admission
        self.factory = factory
        self.node = node
        self.isolation = isolation
        self.drain = drain
    }

    /// Limits have changed: they hold for the next call, connection, entry and byte. What was begun goes on, also where
    /// that is more. Throws `INVALID_CONFIGURATION`, and changes nothing then.
    ///
    /// Of the commands in all, those beyond what the broker was started with are refused.
    func update(_ configuration: BrokerConfiguration, _ orgs: OrgDirectory) throws(BackendError) {
        try pool.reconfigure(PoolConfiguration(configuration.pool, orgs: orgs))
        admission.update(configuration)
        for org in orgs.orgs {
            admission.update(limits: org.limits, of: org.id)
            factory.update(org)
        }
    }

    var uptime: Duration { start.duration(to: .now) }
}
