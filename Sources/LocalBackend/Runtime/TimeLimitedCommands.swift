package import AgentBackend
package import Sandbox

/// Commands of one entry, which may not run for as long as others may.
package struct TimeLimitedCommands: CommandStarter {
    private let commands: any CommandStarter
    private let maximumTimeout: Duration

    /// `maximumTimeout`: the most that a request may ask for, and what one gets that asks for none.
    package init(_ commands: any CommandStarter, maximumTimeout: Duration) {
        self.commands = commands
        self.maximumTimeout = maximumTimeout
    }

    package func makeCommands(as identity: HostIdentity?) -> any BackendCommands {
        TimeLimitedBackendCommands(commands: commands.makeCommands(as: identity), maximumTimeout: maximumTimeout)
    }

    package func limited(to tenant: CommandTenant, _ limits: ExecLimits) -> any CommandStarter {
        TimeLimitedCommands(commands.limited(to: tenant, limits), maximumTimeout: maximumTimeout)
    }
}

private final class TimeLimitedBackendCommands: BackendCommands {
    private let commands: any BackendCommands
    private let maximumTimeout: Duration

    init(commands: any BackendCommands, maximumTimeout: Duration) {
        self.commands = commands
        self.maximumTimeout = maximumTimeout
    }

    func start(
        _ request: ExecRequest,
        workspace: Int32,
        scope: Int32,
        environment: Environment
    ) async throws(BackendError) -> any StartedCommand {
        var request = request
        let timeout = request.timeout ?? maximumTimeout
        guard timeout <= maximumTimeout else { throw .execTimeoutTooLong(timeout, allowed: maximumTimeout) }
        request.timeout = timeout
        return try await commands.start(request, workspace: workspace, scope: scope, environment: environment)
    }

    func destroy() async {
        await commands.destroy()
    }
}

extension BackendError {
    static func execTimeoutTooLong(_ timeout: Duration, allowed: Duration) -> BackendError {
        BackendError(
            .invalidArgument,
            reason: .tooLarge,
            message: "a command may run for \(allowed) at most: ask for less",
            limit: LimitDetails(
                name: "exec_timeout_ms",
                used: timeout.inMilliseconds,
                allowed: allowed.inMilliseconds
            )
        )
    }
}
