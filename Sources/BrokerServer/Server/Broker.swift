internal import AgentBackend
internal import AuditLog
internal import BackendPool
internal import BrokerWire
internal import LocalBackend
package import Logging
internal import NIOCore
internal import NIOPosix
internal import Sandbox
internal import ServiceLifecycle
package import Tracing
internal import UnixSignals

/// A broker, from its configuration to its end.
package struct Broker: Sendable {
    private let configuration: BrokerConfiguration
    private let logger: Logger
    private let supervision: Supervision
    private let time: BrokerTime
    private let reading: ConfigurationSource.Reading?
    private let output: BrokerOutput
    private let front: (any BrokerFront)?
    private let tracer: (any Tracer)?

    /// `reading`: where the configuration was read, for it to be read again; nil: it never is. `output`: where operations
    /// are logged; closed when the broker has ended. `front`: another way in.
    /// `tracer`: who is told of calls and commands; nil: the output where `log.spans` says so, else nobody.
    package init(
        configuration: BrokerConfiguration,
        logger: Logger,
        output: BrokerOutput = BrokerOutput(),
        supervision: Supervision = Supervision(),
        time: BrokerTime = BrokerTime(),
        reading: ConfigurationSource.Reading? = nil,
        front: (any BrokerFront)? = nil,
        tracer: (any Tracer)? = nil
    ) {
        self.configuration = configuration
        self.reading = reading
        self.front = front
        self.tracer = tracer
        self.logger = logger
        self.output = output
        self.supervision = supervision
        self.time = time
    }

    /// Serves until SIGTERM or SIGINT, without a file to read again also SIGHUP, or until the task is cancelled, and
    /// leaves nothing behind: no process, socket file, lock or temporary file. Calls `ready` once it accepts connections.
    /// A configuration without orgs gets the embedded one; one that was read from a file is read again at SIGHUP. Throws
    /// `INVALID_CONFIGURATION`, and `CONFLICT` where another broker has the root.
    package func run(handlesSignals: Bool = true, ready: (ReadyReport) -> Void) async throws {
        try ProcessSettings.apply()
        // From here on a signal ends the broker in order, however early it comes.
        let signals = handlesSignals ? await Self.endingSignals(withHangup: reading == nil) : nil
        let lastResort = handlesSignals ? LastResort() : nil
        defer { lastResort?.cancel() }
        let hangups = handlesSignals && reading != nil ? await UnixSignalsSequence(trapping: .sighup) : nil
        let root = try await BrokerRoot.open(configuration.root)
        defer { root.close() }
        let auditLog = try AuditLog.open(configuration.audit, root, time, logger)
        let threads = FileThreads()
        let log = OperationsLog(mode: configuration.log.operations.mode, output: output)
        do {
            try await serve(root, threads, log, auditLog, signals, hangups, ready)
        } catch {
            await auditLog?.close()
            await output.close()
            await threads.shutdown()
            throw error
        }
        await auditLog?.close()
        await output.close()
        await threads.shutdown()
    }

    /// A hangup, as when its terminal goes away, ends a broker that has nothing to read again.
    private static func endingSignals(withHangup: Bool) async -> UnixSignalsSequence {
        withHangup
            ? await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
            : await UnixSignalsSequence(trapping: .sigterm, .sigint)
    }

    private func serve(
        _ root: BrokerRoot,
        _ threads: FileThreads,
        _ log: OperationsLog,
        _ auditLog: AuditLog?,
        _ signals: UnixSignalsSequence?,
        _ hangups: UnixSignalsSequence?,
        _ ready: (ReadyReport) -> Void
    ) async throws {
        let embedded = try EmbeddedConfiguration.standIn(for: configuration, root: root)
        let configuration = embedded?.configuration ?? configuration
        _ = try root.setAsideTemporaryFiles()
        let tenancy = try Tenancy(configuration, root: root)
        if let identity = tenancy.current.orgs.orgs.first?.identity { try FileIdentity.prove(identity) }

        var isolationSettings = CommandIsolation.Settings(configuration.exec)
        isolationSettings.preparedFilesDirectory = root.preparedFiles
        let isolation = try await CommandIsolation(
            isolationSettings,
            as: tenancy.current.orgs.orgs.first?.identity
        )
        if let missing = isolation.missing {
            logger.error("commands cannot be isolated on this host and are refused", metadata: ["why": "\(missing)"])
        }
        if let weakness = isolation.weakness {
            logger.warning(
                "commands are isolated by less than bwrap: see agent-broker doctor",
                metadata: ["isolation": "\(isolation.name)", "why": "\(weakness)"]
            )
        }
        if !isolation.unkeptLimits.isEmpty {
            logger.warning(
                "not all limits of commands are kept for all that they start: see agent-broker doctor",
                metadata: ["limits": "\(isolation.unkeptLimits.map(\.limit).joined(separator: ", "))"]
            )
        }
        let trash = TrashQueue()
        let tracer = tracer ?? (configuration.log.spans ? SpanLog { [output] in output.write($0) } : nil)
        let core = try BrokerCore(
            configuration,
            tenancy,
            threads,
            isolation,
            trash,
            log,
            auditLog,
            time,
            tracer.map { CallTracer(tracer: $0) }
        )
        let tls = try ServerTLS(configuration.tls, logger: logger)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: System.coreCount)
        EventLoopPriority.raise(
            group.makeIterator().map { $0 },
            by: configuration.limits.eventLoopPriority,
            logger: logger
        )
        let servedConnections = AdmissionLimits.ofProcess(configuration).maximumConnections
        if servedConnections < configuration.limits.maxConnections {
            logger.warning(
                "fewer connections than limits.max_connections are served: raise the process's limit of descriptors",
                metadata: [
                    "served": "\(servedConnections)", "configured": "\(configuration.limits.maxConnections)",
                    "descriptors": "\(ProcessSettings.descriptorLimit)",
                ]
            )
        }
        let settings: @Sendable (BrokerConfiguration) -> ConnectionSettings = { connectionSettings($0, tenancy, core) }
        let listener = WireListener(
            group: group,
            broker: core,
            settings: settings(configuration),
            tls: tls,
            logger: logger
        )
        do {
            let listeners = try await Listeners(listener, configuration, supervision.sockets)
            defer { listeners.removeFiles() }
            let front = try await front?.open(access(listener, core))
            ready(report(listeners, front, tls, root, isolation, embedded))
            supervision.notification?.send(.ready)
            let reloader = Reloader(
                complete: { configuration throws(BackendError) in
                    try EmbeddedConfiguration.standIn(for: configuration, root: root)?.configuration ?? configuration
                },
                running: core.configuration,
                tenancy: tenancy,
                connections: core.connections,
                threads: threads,
                certificates: Reloader.certificates(of: tls),
                steps: [
                    .pool(core.pool),
                    .admission(core.admission),
                    .entries(core.entries),
                    .background(core.background),
                    .commands(isolation),
                    .operationsLog(log),
                    .audit(core.audit),
                    .connections(listener, settings: settings),
                ],
                logger: logger
            )
            var services: [any Service] = [
                TrashService(root: root, trash: trash, logger: logger),
                CommandService(isolation: isolation),
                BackgroundService(background: core.background),
                DiskQuotaService(watch: core.usages.watch, time: time),
                UploadService(uploads: core.uploads, time: time),
                PoolService(pool: core.pool, configuration: core.configuration, logger: logger),
                RetentionService(
                    workspaces: core.workspaces,
                    tenancy: tenancy,
                    configuration: core.configuration,
                    logger: logger
                ),
                CallAdmissionService(admission: core.admission),
                HeapService(logger: logger),
            ]
            // It outlives the wire: through it the last answers go.
            if let front { services.append(front) }
            services += [
                WireService(
                    listener: listener,
                    channels: listeners.channels,
                    configuration: core.configuration,
                    notification: supervision.notification
                ),
                OperatorService(
                    requests: core.reloads,
                    reloader: reloader,
                    reading: reading,
                    hangups: hangups,
                    log: log,
                    entries: core.entries,
                    notification: supervision.notification
                ),
            ]
            try await run(services, until: signals, or: core.drain)
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
        try await group.shutdownGracefully()
        logger.info("the broker has ended")
    }

    /// The first signal, or an operator's word, ends the services in order; a second signal at once.
    private func run(
        _ services: [any Service],
        until signals: UnixSignalsSequence?,
        or drain: BrokerDrain
    ) async throws {
        let (running, isRunning) = AsyncStream<Void>.makeStream()
        let named = (services + [RunningService(isRunning: isRunning)]).map { service in
            // The name that it else makes of one is all that the service refers to, tens of milliseconds long.
            ServiceGroupConfiguration.ServiceConfiguration(service: service, serviceName: "\(type(of: service))")
        }
        let silent = Logger(label: "services") { _ in SwiftLogNoOpLogHandler() }
        let group = ServiceGroup(configuration: ServiceGroupConfiguration(services: named, logger: silent))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            tasks.addTask {
                // A group that does not run yet would not hear of it.
                for await _ in running { break }
                try await withThrowingTaskGroup(of: Void.self) { causes in
                    causes.addTask {
                        for await _ in drain.requests {
                            logger.info("ending", metadata: ["asked_by": "an operator"])
                            await group.triggerGracefulShutdown()
                        }
                    }
                    if let signals {
                        causes.addTask { try await end(group, at: signals) }
                    }
                    // An error ends the others too.
                    for try await _ in causes {}
                }
            }
            try await tasks.next()
            tasks.cancelAll()
        }
    }

    private func end(_ group: ServiceGroup, at signals: UnixSignalsSequence) async throws {
        var isEnding = false
        for await signal in signals {
            logger.info("ending", metadata: ["signal": "\(signal)", "at_once": "\(isEnding)"])
            if isEnding { throw LastResort.error }
            isEnding = true
            await group.triggerGracefulShutdown()
        }
    }

    private func connectionSettings(
        _ configuration: BrokerConfiguration,
        _ tenancy: Tenancy,
        _ core: BrokerCore
    ) -> ConnectionSettings {
        let limits = configuration.limits
        return ConnectionSettings(
            limits: SessionLimits(
                maximumFrameLength: UInt32(clamping: limits.maxFrameBytes),
                maximumHeadLength: UInt32(clamping: limits.maxHeadBytes),
                streamWindow: UInt32(clamping: limits.streamWindowBytes),
                connectionWindow: UInt32(clamping: limits.connectionWindowBytes),
                maximumCallsInFlight: UInt32(clamping: limits.maxCallsInFlightPerConnection),
                keepaliveInterval: limits.keepaliveInterval
            ),
            helloDeadline: limits.helloDeadline,
            keepaliveMisses: limits.keepaliveMisses,
            maximumUnsent: limits.maxUnsentBytesPerConnection,
            // One processor is to be left to whoever is to send the next request.
            busyPoll: System.coreCount > 1 ? limits.busyPoll : .zero,
            serverVersion: BrokerVersion.current,
            node: configuration.node,
            instance: core.instance,
            authenticate: { token in
                do throws(BackendError) {
                    return .success(try tenancy.authenticate(token))
                } catch {
                    return .failure(error)
                }
            },
            observer: ConnectionLog(
                counters: core.counters,
                refusals: core.audit?.refusals,
                logger: logger,
                linesPerSecond: configuration.log.maxConnectionLinesPerSecond,
                elapsed: time.elapsed
            ),
            admission: core.admission
        )
    }

    private func access(_ listener: WireListener, _ core: BrokerCore) -> BrokerAccess {
        let delays = EventLoopDelays(listener.eventLoops)
        return BrokerAccess(
            configuration: { core.configuration.current },
            isDraining: { core.drain.isDraining },
            principal: { token throws(BackendError) in try core.tenancy.authenticate(token) },
            metrics: { core.metrics(delays) },
            orgMetrics: { core.metrics(of: $0) },
            countCall: { await core.admission.countCall(of: $0.id) },
            commandKey: { core.key(ofCommand: $0, in: $1, for: $2) },
            connect: { peer throws(BackendError) in try listener.connect(for: peer) },
            protect: listener.tls.map { tls in { @Sendable in try tls.protect($0, telling: listener.observer) } },
            auditRefusal: { core.audit?.refusals.refused($0, by: $1, from: $2) },
            tellRefused: { listener.observer.connectionRefused($0, peer: $1?.description ?? "unix", inAll: $2) },
            logger: logger
        )
    }

    private func report(
        _ listeners: Listeners,
        _ front: (any OpenFront)?,
        _ tls: ServerTLS?,
        _ root: BrokerRoot,
        _ isolation: CommandIsolation,
        _ embedded: EmbeddedConfiguration?
    ) -> ReadyReport {
        ReadyReport(
            wires: listeners.wires,
            http: front?.addresses ?? [],
            unix: listeners.unixSocket,
            root: root.path,
            isolation: isolation.name,
            version: BrokerVersion.current,
            embeddedToken: embedded.map { (EmbeddedConfiguration.orgName, $0.token.text) },
            reloadCertificates: { try tls?.reloadCertificates() }
        )
    }
}

extension BrokerConfiguration.Operations {
    /// Nil: none are logged.
    var mode: OperationsLogMode? {
        switch self {
        case .off: nil
        case .standard: .standard
        case .verbose: .verbose
        }
    }
}
