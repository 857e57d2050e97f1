internal import AgentBackend
internal import AuditLog
internal import BackendPool
internal import BrokerWire
internal import LocalBackend

extension BrokerCore {
    /// Makes the pool and what belongs to it. Throws `INVALID_CONFIGURATION`.
    convenience init(
        _ configuration: BrokerConfiguration,
        _ tenancy: Tenancy,
        _ threads: FileThreads,
        _ isolation: CommandIsolation,
        _ trash: TrashQueue,
        _ log: OperationsLog,
        _ auditLog: AuditLog?,
        _ time: BrokerTime,
        _ tracer: CallTracer? = nil
    ) throws(BackendError) {
        let drain = BrokerDrain()
        let running = RunningConfiguration(configuration)
        let numbers = CommandNumbers()
        let background = BackgroundExecs(configuration: running, numbers: numbers, wallClock: time.wallClock)
        let locks = WorkspaceLocks()
        let usages = OrgUsages()
        let uploads = Uploads(
            room: UploadRoom { UploadRoom.Limits(running.current.limits) },
            elapsed: time.elapsed
        )
        let factory = EntryFactory(
            tenancy: tenancy,
            configuration: configuration,
            threads: threads,
            commands: isolation.commands,
            locks: locks,
            trash: trash,
            background: background,
            usages: usages,
            uploads: uploads,
            log: log,
            wallClock: time.wallClock
        )
        let pool = try Pool(
            configuration: PoolConfiguration(configuration.pool, orgs: tenancy.current.orgs),
            defaultConfiguration: EntryConfiguration(),
            clock: MonotonicClock()
        ) { key, entry throws(BackendError) in
            try await factory.makeEntry(key, entry)
        }
        let counters = OrgCounterTable()
        let workspaces = Workspaces(
            root: tenancy.root,
            threads: threads,
            locks: locks,
            trash: trash,
            pool: pool,
            counters: counters,
            background: background,
            usages: usages,
            log: log,
            time: time,
            patience: { running.current.exec.grace + .seconds(10) }
        )
        let commands = LiveCommands(wallClock: time.wallClock)
        self.init(
            pool: pool,
            workspaces: workspaces,
            counters: counters,
            admission: CallAdmission(
                BrokerSlots(configuration),
                orgs: tenancy.current.orgs.orgs,
                time: time
            ),
            idempotency: IdempotencyKeys(elapsed: time.elapsed),
            tenancy: tenancy,
            entries: factory,
            background: background,
            numbers: numbers,
            commands: commands,
            usages: usages,
            uploads: uploads,
            connections: ConnectionTable(
                AdmissionLimits.ofProcess(configuration),
                drain: drain,
                elapsed: time.elapsed
            ),
            log: log,
            configuration: running,
            isolation: isolation.name,
            drain: drain,
            tracer: tracer,
            audit: auditLog.map {
                CallAudit($0, pool: pool, tenancy: tenancy, commands: commands, time: time)
            }
        )
    }
}

extension PoolConfiguration {
    /// The pool's limits, and where those of an org differ.
    init(_ pool: BrokerConfiguration.Pool, orgs directory: OrgDirectory) {
        self.init()
        maxEntries = pool.maxEntries
        maxEntriesPerOrg = pool.maxEntriesPerOrg
        maxLeasesPerEntry = pool.maxLeasesPerEntry
        maxWaitersPerOrg = pool.maxWaiters
        idleTimeout = pool.idleTimeout
        cleanupInterval = pool.cleanupInterval
        maxLifetime = pool.maxLifetime
        defaultQueueDeadline = pool.queueTimeout
        for org in directory.orgs where org.limits.maxEntries != pool.maxEntriesPerOrg || org.limits.weight != 1 {
            orgs[org.id] = OrgLimits(maxEntries: org.limits.maxEntries, weight: org.limits.weight)
        }
    }
}

extension CommandIsolation.Settings {
    init(_ exec: BrokerConfiguration.Exec) {
        self.init(
            limits: SandboxedCommands.Limits(
                defaultTimeout: exec.defaultTimeout,
                maximumTimeout: exec.maxTimeout,
                grace: exec.grace
            )
        )
        mode = exec.isolation
        required = exec.requireIsolation
        maximumRunningCommands = exec.maxRunning
        maximumSpareSandboxes = exec.spareSandboxes
        processorWeight = exec.totalCPUWeight
    }
}
