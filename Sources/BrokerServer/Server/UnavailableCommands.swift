internal import AgentBackend
internal import LocalBackend

/// Stands in where this host cannot isolate commands: files work, commands say what is missing.
struct UnavailableCommands: CommandStarter {
    let reason: BackendError

    func start(
        _ request: ExecRequest,
        directory: Int32,
        environment: Environment,
        identity: HostIdentity?
    ) async throws(BackendError) -> any CommandExecution {
        throw reason
    }
}
