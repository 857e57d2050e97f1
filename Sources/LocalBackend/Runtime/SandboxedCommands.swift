package import AgentBackend
internal import NIOCore
package import Sandbox
internal import Synchronization

/// Runs local backends' commands, those of each backend in a sandbox of its own. Safe to use from any thread.
package final class SandboxedCommands: CommandStarter {
    private let runner: CommandRunner
    private let limits: Mutex<Limits>

    /// How long commands may run.
    package struct Limits: Sendable {
        /// For a request that names no timeout.
        package var defaultTimeout: Duration
        /// The most that a request may ask for.
        package var maximumTimeout: Duration
        /// Between SIGTERM and SIGKILL.
        package var grace: Duration

        package init(defaultTimeout: Duration, maximumTimeout: Duration, grace: Duration) {
            self.defaultTimeout = defaultTimeout
            self.maximumTimeout = maximumTimeout
            self.grace = grace
        }
    }

    package init(runner: CommandRunner, limits: Limits) {
        self.runner = runner
        self.limits = Mutex(limits)
    }

    /// Of commands that are started from now on.
    func update(_ limits: Limits) {
        self.limits.withLock { $0 = limits }
    }

    package func makeCommands(as identity: HostIdentity?) -> any BackendCommands {
        limited(to: CommandTenant(), ExecLimits()).makeCommands(as: identity)
    }

    package func limited(to tenant: CommandTenant, _ limits: ExecLimits) -> any CommandStarter {
        TenantCommands(commands: self, runner: runner, tenant: tenant, limits: limits)
    }

    fileprivate func start(
        _ request: ExecRequest,
        _ execLimits: ExecLimits,
        in sandbox: WarmSandbox,
        workspace: Int32,
        scope: Int32,
        environment: Environment
    ) async throws(BackendError) -> any StartedCommand {
        let limits = limits.withLock { $0 }
        let timeout = request.timeout ?? limits.defaultTimeout
        guard timeout <= limits.maximumTimeout else {
            throw .execTimeoutTooLong(timeout, allowed: limits.maximumTimeout)
        }
        var environment = environment
        if let type = request.terminal?.type { try environment.set(Array("TERM".utf8), to: Array(type.utf8)) }
        let command = try await sandbox.start(
            Command(
                request.program,
                environment: environment,
                workspace: workspace,
                scope: scope,
                workingDirectory: request.workingDirectory.bytes,
                opensStandardInput: request.opensStandardInput,
                terminal: request.terminal?.size,
                deadline: timeout,
                grace: limits.grace,
                limits: execLimits
            )
        )
        return SandboxedExecution(command: command, isolation: runner.level.rawValue)
    }
}

private struct TenantCommands: CommandStarter {
    let commands: SandboxedCommands
    let runner: CommandRunner
    let tenant: CommandTenant
    let limits: ExecLimits

    func makeCommands(as identity: HostIdentity?) -> any BackendCommands {
        SandboxedBackendCommands(self, identity)
    }

    func limited(to tenant: CommandTenant, _ limits: ExecLimits) -> any CommandStarter {
        TenantCommands(commands: commands, runner: runner, tenant: tenant, limits: limits)
    }
}

private final class SandboxedBackendCommands: BackendCommands {
    private let starter: TenantCommands
    /// Made, as far as they cost much, for the first command that sees this of the network.
    private let sandboxes: [CommandNetwork: WarmSandbox]

    init(_ starter: TenantCommands, _ identity: HostIdentity?) {
        self.starter = starter
        let sandboxes = CommandNetwork.allCases.map { network in
            let sandbox = WarmSandbox(
                starter.runner,
                identity: identity,
                tenant: starter.tenant,
                limits: starter.limits,
                network: network
            )
            return (network, sandbox)
        }
        self.sandboxes = Dictionary(sandboxes) { first, _ in first }
    }

    func start(
        _ request: ExecRequest,
        workspace: Int32,
        scope: Int32,
        environment: Environment
    ) async throws(BackendError) -> any StartedCommand {
        let allowed = starter.tenant.limits()
        guard request.network == .none || allowed.allowsHostNetwork, let sandbox = sandboxes[request.network] else {
            throw Self.noHostNetwork
        }
        return try await starter.commands.start(
            request,
            try request.limits.ofCommand(within: starter.limits.lowered(to: allowed.exec)),
            in: sandbox,
            workspace: workspace,
            scope: scope,
            environment: environment
        )
    }

    func destroy() async {
        for sandbox in sandboxes.values { await sandbox.destroy() }
    }

    private static let noHostNetwork = BackendError(
        .permissionDenied,
        message: "commands may not use the host's network here: ask for none, or have the broker's operator set "
            + "exec.host_network, of the org or of all, to true"
    )
}

extension ExecLimits {
    /// What the command's own process and tree are held to. Memory and processes are so by its sandbox, unless it asks for
    /// less.
    fileprivate func ofCommand(within outer: ExecLimits) throws(BackendError) -> ExecLimits {
        var limits = try within(outer)
        limits.memoryBytes = memoryBytes
        limits.processes = processes
        return limits
    }
}

private struct SandboxedExecution: StartedCommand {
    let command: RunningCommand
    let isolation: String

    var hasEnded: Bool { command.hasEnded }

    func readOutput(_ stream: CommandStream, upTo count: Int) async throws(BackendError) -> ByteBuffer? {
        try await command.readOutput(stream, upTo: count)
    }

    func writeInput(_ bytes: ByteBuffer) async throws(BackendError) {
        try await command.writeInput(bytes)
    }

    func closeInput() {
        command.closeInput()
    }

    func signal(_ number: Int32) async throws(BackendError) {
        try command.signal(number)
    }

    func resizeTerminal(to size: TerminalSize) async throws(BackendError) {
        try command.resizeTerminal(to: size)
    }

    func terminate() {
        command.terminate(.cancelled)
    }

    func terminate(overDiskQuota allowed: UInt64) {
        command.terminate(.diskQuota(allowed))
    }

    func waitForEnd() async -> ExecEnd {
        let end = await command.waitForEnd()
        let outcome: ExecEnd.Outcome =
            switch end.outcome {
            case .exited(let code): .exited(code: UInt32(code))
            case .signaled(let signal): .signaled(signal)
            case .outOfMemory: .outOfMemory
            case .fileSize(let size): .fileSizeLimit(size)
            case .terminated(.deadline(let deadline)): .timedOut(after: deadline)
            case .terminated(.processorTime(let time)): .cpuTimeLimit(time)
            case .terminated(.output(let size)): .outputLimit(size)
            case .terminated(.diskQuota(let size)): .diskQuota(size)
            case .terminated(.cancelled), .terminated(.backendDestroyed): .cancelled
            case .terminated(.shuttingDown): .shuttingDown
            // The error is thrown to who reads the output.
            case .failed(let failure, _): .spawnFailed(failure)
            }
        return ExecEnd(
            outcome: outcome,
            usage: end.usage,
            lingeringProcesses: end.lingeringProcesses,
            reachedProcessLimit: end.reachedProcessLimit
        )
    }
}
