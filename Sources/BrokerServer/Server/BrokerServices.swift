internal import AgentBackend
internal import BackendPool
internal import LocalBackend
internal import Logging
internal import NIOCore
internal import ServiceLifecycle

// The long-lived parts of a broker, in the order in which they need each other. A graceful shutdown ends them in
// reverse: the wire drains while the pool still answers, the pool destroys its entries while commands can still end.

struct CommandService: Service {
    let isolation: CommandIsolation

    func run() async throws {
        let isolation = isolation
        try await withGracefulShutdownHandler {
            try await isolation.run()
        } onGracefulShutdown: {
            isolation.beginShutdown()
        }
    }
}

struct BackgroundService: Service {
    let background: BackgroundExecs

    func run() async throws {
        let background = background
        await withGracefulShutdownHandler {
            await background.run()
        } onGracefulShutdown: {
            background.stop()
        }
    }
}

/// Ends commands that fill the disk, for as long as commands may run.
struct DiskQuotaService: Service {
    let watch: CommandWatch
    let time: BrokerTime

    func run() async throws {
        let (watch, time) = (watch, time)
        await cancelWhenGracefulShutdown { await watch.run(sleep: time.sleep) }
    }
}

/// Gives up uploads that nobody calls.
struct UploadService: Service {
    let uploads: Uploads
    let time: BrokerTime

    func run() async throws {
        let (uploads, time) = (uploads, time)
        await cancelWhenGracefulShutdown { await uploads.run(sleep: time.sleep) }
    }
}

struct PoolService: Service {
    let pool: BrokerCore.Pool
    let configuration: RunningConfiguration
    let logger: Logger

    func run() async throws {
        let (pool, configuration) = (pool, configuration)
        let report = await withGracefulShutdownHandler {
            await pool.run()
        } onGracefulShutdown: {
            pool.triggerGracefulShutdown(deadline: configuration.current.limits.drainTimeout)
        }
        logger.info(
            "pool drained",
            metadata: [
                "finished": "\(report.finished)", "cancelled": "\(report.cancelled)", "failed": "\(report.failed)",
                "destroyed": "\(report.destroyed)",
            ]
        )
    }
}

struct CallAdmissionService: Service {
    let admission: CallAdmission

    func run() async throws {
        let admission = admission
        await withGracefulShutdownHandler {
            await admission.run()
        } onGracefulShutdown: {
            admission.stop()
        }
    }
}

/// Says that the others run.
struct RunningService: Service {
    let isRunning: AsyncStream<Void>.Continuation

    func run() async throws {
        isRunning.finish()
        try? await gracefulShutdown()
    }
}

struct WireService: Service {
    let listener: WireListener
    let channels: [any Channel]
    let configuration: RunningConfiguration
    let notification: ServiceNotification?

    func run() async throws {
        // Ends by cancellation too: then nothing is waited for.
        try? await gracefulShutdown()
        notification?.send(.stopping)
        for channel in channels {
            try? await channel.close()
        }
        let configuration = configuration.current
        await listener.drain(
            timeout: Task.isCancelled ? .zero : configuration.limits.drainTimeout,
            // For calls that were cancelled to stop their effects.
            grace: configuration.exec.grace + .seconds(5)
        )
    }
}
