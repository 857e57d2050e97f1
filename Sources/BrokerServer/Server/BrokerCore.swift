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
    let idempotency: IdempotencyKeys
    let tenancy: Tenancy
    let entries: EntryFactory
    let background: BackgroundExecs
    /// Of all commands, in the foreground and the background.
    let numbers: CommandNumbers
    let commands: LiveCommands
    let usages: OrgUsages
    let uploads: Uploads
    let connections: ConnectionTable
    let log: OperationsLog
    let configuration: RunningConfiguration
    let reloads = ReloadRequests()
    let node: String
    /// Of this run: what it remembers another one does not.
    let instance = UInt64.random(in: 1 ... .max)
    let isolation: String
    let drain: BrokerDrain
    /// Nil: nobody follows calls.
    let tracer: CallTracer?
    /// Nil: nothing is recorded.
    let audit: CallAudit?
    private let start = ContinuousClock.now

    init(
        pool: Pool,
        workspaces: Workspaces,
        counters: OrgCounterTable,
        admission: CallAdmission,
        idempotency: IdempotencyKeys,
        tenancy: Tenancy,
        entries: EntryFactory,
        background: BackgroundExecs,
        numbers: CommandNumbers,
        commands: LiveCommands,
        usages: OrgUsages,
        uploads: Uploads,
        connections: ConnectionTable,
        log: OperationsLog,
        configuration: RunningConfiguration,
        isolation: String,
        drain: BrokerDrain,
        tracer: CallTracer?,
        audit: CallAudit?
    ) {
        self.pool = pool
        self.workspaces = workspaces
        self.counters = counters
        self.admission = admission
        self.idempotency = idempotency
        self.tenancy = tenancy
        self.entries = entries
        self.background = background
        self.numbers = numbers
        self.commands = commands
        self.usages = usages
        self.uploads = uploads
        self.log = log
        self.configuration = configuration
        self.isolation = isolation
        self.drain = drain
        self.tracer = tracer
        self.audit = audit
        self.connections = connections
        node = configuration.current.node
    }

    var uptime: Duration { start.duration(to: .now) }
}
