internal import AgentBackend
internal import LocalBackend
internal import Logging
internal import Sandbox

/// How this broker isolates commands: the level that was asked for, or the strongest that a probe proved to work.
struct IsolationChoice: Sendable {
    let commands: any CommandStarter
    /// Nil: no commands can be run.
    let runner: CommandRunner?
    /// Of the level; empty where no commands can be run.
    let name: String

    /// Throws `MISSING_UTILITIES` where the level that is asked for, or required, cannot be had.
    init(_ configuration: BrokerConfiguration.Exec, tenancy: Tenancy, logger: Logger) async throws(BackendError) {
        var settings = CommandRunner.Configuration()
        settings.maximumRunningCommands = configuration.maxRunning
        settings.maximumLifetime = configuration.maxTimeout
        let identity = tenancy.current.orgs.orgs.first?.identity
        let report = await IsolationReport.probing(as: identity, configuration: settings)
        let asked = IsolationLevel(rawValue: configuration.isolation.rawValue)
        let required = IsolationLevel(rawValue: configuration.requireIsolation.rawValue)
        guard let level = asked ?? report.strongest, level >= required ?? level,
            report.finding(level)?.isProven ?? false
        else {
            let missing = BackendError(
                .missingUtilities,
                message: Self.explanation(of: required ?? asked ?? .bwrap, in: report)
            )
            guard asked == nil, required == nil else { throw missing }
            logger.error("commands cannot be isolated on this host and are refused", metadata: ["why": "\(missing)"])
            commands = UnavailableCommands(reason: missing)
            runner = nil
            name = ""
            return
        }
        let runner = try CommandRunner(level: level, configuration: settings)
        self.runner = runner
        name = level.rawValue
        commands = SandboxedCommands(
            runner: runner,
            limits: SandboxedCommands.Limits(
                defaultTimeout: configuration.defaultTimeout,
                maximumTimeout: configuration.maxTimeout,
                grace: configuration.grace
            )
        )
    }

    private static func explanation(of level: IsolationLevel, in report: IsolationReport) -> String {
        let why = report.finding(level)?.explanation ?? "it was not probed"
        return "the isolation level \(level.rawValue) does not work on this host: \(why)"
    }
}
