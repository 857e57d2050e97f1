package import AgentBackend
package import Sandbox

/// How commands of this process are isolated: the level that was asked for, or the strongest that a probe proved to
/// work.
package struct CommandIsolation: Sendable {
    /// Starts commands, or says why it cannot.
    package let commands: any CommandStarter
    /// Of the level; empty where no commands can be run.
    package let name: String
    /// Why none can be run.
    package let missing: BackendError?
    /// Why a weaker level than bwrap was chosen. Nil where that was not so, or where a level was asked for by name.
    package let weakness: String?
    /// Limits that this host does not keep by control groups.
    package let unkeptLimits: [LimitMechanism]

    private let runner: CommandRunner?
    private let sandboxed: SandboxedCommands?
    /// Ends ``run()`` where there is no runner.
    private let shutdown = AsyncStream<Never>.makeStream()

    /// What is asked of commands and their isolation.
    package struct Settings: Sendable {
        package var mode = IsolationMode.auto
        /// Not less than this. `auto` asks for nothing.
        package var required = IsolationMode.auto
        package var maximumRunningCommands = 256
        package var maximumSpareSandboxes = 8
        /// Of the processors, for all commands together, when this process wants them too, which has 100.
        package var processorWeight = 25
        /// Further paths of the host that commands see, read-only.
        package var readOnlyPaths: [String] = []
        /// Where copies of the host's files lie that commands see; nil: there are none.
        package var preparedFilesDirectory: String?
        package var limits: SandboxedCommands.Limits

        package init(limits: SandboxedCommands.Limits) {
            self.limits = limits
        }
    }

    /// Probes the levels as the identity that commands will have; nil: the process's own user. Throws
    /// `MISSING_UTILITIES` where the level that is asked for by name, or required, cannot be had.
    package init(_ settings: Settings, as identity: HostIdentity?) async throws(BackendError) {
        var configuration = CommandRunner.Configuration()
        configuration.maximumRunningCommands = settings.maximumRunningCommands
        configuration.maximumSpareSandboxes = settings.maximumSpareSandboxes
        configuration.processorWeight = settings.processorWeight
        configuration.maximumLifetime = Self.longestLifetime
        configuration.readOnlyPaths = settings.readOnlyPaths
        let (asked, required) = (settings.mode.level, settings.required.level)
        if let asked, let required, asked < required {
            throw BackendError(
                .invalidArgument,
                message: "isolation \(asked.rawValue) is below require_isolation \(required.rawValue): change one"
            )
        }
        let host = SandboxHost(configuration)
        let report = await IsolationReport.probing(
            asked.map { [$0] } ?? IsolationReport.automaticLevels,
            untilProven: true,
            as: identity,
            configuration: configuration,
            host: host
        )
        unkeptLimits = report.limits.filter { !$0.isProven }
        guard let level = asked ?? report.strongest, level >= required ?? level,
            report.finding(level)?.isProven ?? false
        else {
            let missing = Self.missing(required ?? asked ?? .bwrap, in: report)
            guard asked == nil, required == nil else { throw missing }
            commands = UnavailableCommands(reason: missing)
            name = ""
            self.missing = missing
            weakness = nil
            runner = nil
            sandboxed = nil
            return
        }
        // Not before: nothing that is probed is worth copies.
        configuration.preparedFilesDirectory = settings.preparedFilesDirectory
        let runner = try CommandRunner(level: level, configuration: configuration, host: host)
        let sandboxed = SandboxedCommands(runner: runner, limits: settings.limits)
        commands = sandboxed
        self.sandboxed = sandboxed
        name = level.rawValue
        missing = nil
        weakness = asked == nil && level < .bwrap ? report.finding(.bwrap)?.explanation : nil
        self.runner = runner
    }

    /// What counts for commands that are started from now on; those that run go on.
    package func update(_ limits: SandboxedCommands.Limits, maximumRunningCommands: Int) {
        sandboxed?.update(limits)
        runner?.setMaximumRunningCommands(maximumRunningCommands)
    }

    /// Above every limit on the time of commands, which may change while the runner's own does not.
    private static let longestLifetime = Duration.seconds(365 * 86_400)

    /// Sees all commands to their ends; has to be running for commands to start. Returns after ``beginShutdown()`` once
    /// none is left. Cancelling the task kills what runs. Called once.
    package func run() async throws(BackendError) {
        guard let runner else {
            for await _ in shutdown.stream {}
            return
        }
        try await runner.run()
    }

    /// No command starts from now on; those that run go on. Idempotent.
    package func beginShutdown() {
        runner?.beginShutdown()
        shutdown.continuation.finish()
    }

    private static func missing(_ level: IsolationLevel, in report: IsolationReport) -> BackendError {
        let why = report.finding(level)?.explanation ?? "it was not probed"
        return BackendError(
            .missingUtilities,
            message: "the isolation level \(level.rawValue) does not work on this host: \(why)"
        )
    }
}

/// Stands in where this host cannot isolate commands: files work, commands say what is missing.
private final class UnavailableCommands: CommandStarter, BackendCommands {
    private let reason: BackendError

    init(reason: BackendError) {
        self.reason = reason
    }

    func makeCommands(as identity: HostIdentity?) -> any BackendCommands { self }

    func start(
        _ request: ExecRequest,
        workspace: Int32,
        scope: Int32,
        environment: Environment
    ) async throws(BackendError) -> any StartedCommand {
        throw reason
    }

    func destroy() async {}
}
