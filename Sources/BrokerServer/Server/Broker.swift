internal import AgentBackend
internal import BackendPool
internal import BrokerWire
internal import Glibc
internal import LocalBackend
package import Logging
internal import NIOCore
internal import NIOPosix
internal import ServiceLifecycle
internal import UnixSignals

/// A broker, from its configuration to its end.
package struct Broker: Sendable {
    private let configuration: BrokerConfiguration
    private let logger: Logger
    private let time: BrokerTime

    package init(configuration: BrokerConfiguration, logger: Logger, time: BrokerTime = BrokerTime()) {
        self.configuration = configuration
        self.logger = logger
        self.time = time
    }

    /// Serves until SIGTERM or SIGINT, or until the task is cancelled, and leaves nothing behind: no process, socket
    /// file, lock or temporary file. Calls `ready` once it accepts connections. A configuration without orgs gets the
    /// embedded one. Throws `INVALID_CONFIGURATION`, and `CONFLICT` where another broker has the root.
    package func run(handlesSignals: Bool = true, ready: (ReadyReport) -> Void) async throws {
        try ProcessSettings.apply()
        // From here on a signal ends the broker in order, however early it comes.
        let signals = handlesSignals ? await UnixSignalsSequence(trapping: .sigterm, .sigint) : nil
        let root = try await BrokerRoot.open(configuration.root)
        defer { root.close() }
        let threads = FileThreads()
        let log = OperationsLog(mode: configuration.log.operations.mode, descriptor: STDERR_FILENO)
        do {
            try await serve(root, threads, log, signals, ready)
        } catch {
            await log.shutdown()
            await threads.shutdown()
            throw error
        }
        await log.shutdown()
        await threads.shutdown()
    }

    private func serve(
        _ root: BrokerRoot,
        _ threads: FileThreads,
        _ log: OperationsLog,
        _ signals: UnixSignalsSequence?,
        _ ready: (ReadyReport) -> Void
    ) async throws {
        let embedded = configuration.orgs.isEmpty ? try EmbeddedConfiguration(configuration, root: root) : nil
        let configuration = embedded?.configuration ?? configuration
        _ = try root.setAsideTemporaryFiles()
        let tenancy = try Tenancy(configuration, root: root)
        if let identity = tenancy.current.orgs.orgs.first?.identity { try FileIdentity.prove(identity) }

        let isolation = try await CommandIsolation(
            CommandIsolation.Settings(configuration.exec),
            as: tenancy.current.orgs.orgs.first?.identity
        )
        if let missing = isolation.missing {
            logger.error("commands cannot be isolated on this host and are refused", metadata: ["why": "\(missing)"])
        }
        let trash = TrashQueue()
        let core = try BrokerCore(configuration, tenancy, threads, isolation, trash, log, time)
        let tls = try ServerTLS(configuration.tls, logger: logger)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: System.coreCount)
        let listener = WireListener(
            group: group,
            broker: core,
            settings: connectionSettings(configuration, tenancy, core),
            tls: tls,
            maximumConnections: configuration.limits.maxConnections,
            logger: logger
        )
        do {
            let channels = try await bind(listener, configuration)
            defer { if let path = configuration.unixSocket { unlink(path) } }
            ready(report(channels, root, isolation, embedded))
            let drainTimeout = configuration.limits.drainTimeout
            let services: [any Service] = [
                TrashService(root: root, trash: trash, logger: logger),
                CommandService(isolation: isolation),
                PoolService(pool: core.pool, drainTimeout: drainTimeout, logger: logger),
                RetentionService(
                    workspaces: core.workspaces,
                    tenancy: tenancy,
                    settings: configuration.retention,
                    logger: logger
                ),
                WireService(
                    listener: listener,
                    channels: channels,
                    drainTimeout: drainTimeout,
                    grace: configuration.exec.grace + .seconds(5)
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
        let group = ServiceGroup(
            services: services + [RunningService(isRunning: isRunning)],
            logger: Logger(label: "services") { _ in SwiftLogNoOpLogHandler() }
        )
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
                    try await causes.waitForAll()
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
            if isEnding { throw CancellationError() }
            isEnding = true
            await group.triggerGracefulShutdown()
        }
    }

    private func bind(
        _ listener: WireListener,
        _ configuration: BrokerConfiguration
    ) async throws(BackendError) -> [any Channel] {
        var channels: [any Channel] = []
        for address in configuration.listen {
            channels.append(try await listener.listen(address, tls: listener.tls))
        }
        for address in configuration.tls.plainListen {
            channels.append(try await listener.listen(address, tls: nil))
        }
        if let path = configuration.unixSocket {
            channels.append(
                try await listener.listen(
                    unixSocket: path,
                    tls: configuration.tls.onUnixSocket ? listener.tls : nil
                )
            )
        }
        return channels
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
            authFailureDelay: limits.authFailureDelay,
            keepaliveMisses: limits.keepaliveMisses,
            serverVersion: BrokerVersion.current,
            node: configuration.node,
            authenticate: { token in
                do throws(BackendError) {
                    return .success(try tenancy.authenticate(token))
                } catch {
                    return .failure(error)
                }
            },
            observer: ConnectionLog(counters: core.counters, logger: logger)
        )
    }

    private func report(
        _ channels: [any Channel],
        _ root: BrokerRoot,
        _ isolation: CommandIsolation,
        _ embedded: EmbeddedConfiguration?
    ) -> ReadyReport {
        let addresses = channels.compactMap(\.localAddress)
        return ReadyReport(
            wire: addresses.compactMap { address in
                guard let port = address.port, let host = address.ipAddress else { return nil }
                return address.protocol == .inet6 ? "[\(host)]:\(port)" : "\(host):\(port)"
            },
            unix: configuration.unixSocket,
            root: root.path,
            isolation: isolation.name,
            version: BrokerVersion.current,
            embeddedToken: embedded.map { (EmbeddedConfiguration.orgName, $0.token.text) }
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
