package import AgentBackend

/// Commands of one entry, which may not run for as long as others may.
package struct TimeLimitedCommands: CommandStarter {
    private let commands: any CommandStarter
    private let maximumTimeout: Duration

    /// `maximumTimeout`: the most that a request may ask for, and what one gets that asks for none.
    package init(_ commands: any CommandStarter, maximumTimeout: Duration) {
        self.commands = commands
        self.maximumTimeout = maximumTimeout
    }

    package func start(
        _ request: ExecRequest,
        directory: Int32,
        environment: Environment,
        identity: HostIdentity?
    ) async throws(BackendError) -> any StartedCommand {
        var request = request
        let timeout = request.timeout ?? maximumTimeout
        guard timeout <= maximumTimeout else { throw .execTimeoutTooLong(timeout, allowed: maximumTimeout) }
        request.timeout = timeout
        return try await commands.start(
            request,
            directory: directory,
            environment: environment,
            identity: identity
        )
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
