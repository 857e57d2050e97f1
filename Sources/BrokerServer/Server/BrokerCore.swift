internal import AgentBackend
internal import BackendPool
internal import BrokerWire

/// What the routers of all event loops share. Nothing in it belongs to one connection.
final class BrokerCore: Sendable {
    typealias Pool = BackendPoolManager<BackendEntry, EntryConfiguration, MonotonicClock>

    let pool: Pool
    let workspaces: Workspaces
    let counters: OrgCounterTable
    let node: String
    let isolation: String
    let drain: BrokerDrain
    private let start = ContinuousClock.now

    init(
        pool: Pool,
        workspaces: Workspaces,
        counters: OrgCounterTable,
        node: String,
        isolation: String,
        drain: BrokerDrain
    ) {
        self.pool = pool
        self.workspaces = workspaces
        self.counters = counters
        self.node = node
        self.isolation = isolation
        self.drain = drain
    }

    var uptime: Duration { start.duration(to: .now) }
}
