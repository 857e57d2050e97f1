package import AgentBackend
internal import Synchronization

/// Runs the commands of one workspace, as one identity, in one sandbox: made for the first of them, and kept.
///
/// Each command has processes, mounts and temporary directories of its own there, and sees of the workspace only the
/// scope that it is started in. Safe to use from any thread; the runner has to be running. It ends with ``destroy()``,
/// and with the process.
package final class WarmSandbox: Sendable {
    private enum State {
        case none
        /// Whoever needs it waits.
        case launching(Completion<Result<LaunchedSandbox, BackendError>>, DirectoryIdentity)
        case launched(LaunchedSandbox, DirectoryIdentity)
        case destroyed
    }

    private enum Step {
        case use(LaunchedSandbox)
        case wait(Completion<Result<LaunchedSandbox, BackendError>>, isOfWorkspace: Bool)
        case launch(Completion<Result<LaunchedSandbox, BackendError>>, replacing: LaunchedSandbox?)
        case fail
    }

    private let runner: CommandRunner
    private let purpose: SandboxPurpose
    private let state = Mutex(State.none)

    /// - Parameters:
    ///   - identity: Whom commands run as. Nil: the process's own user, which must not be root.
    ///   - limits: Memory and processes of all its commands together, where that is less than what the tenant may use.
    package init(
        _ runner: CommandRunner,
        identity: HostIdentity?,
        tenant: CommandTenant = CommandTenant(),
        limits: ExecLimits = ExecLimits(),
        network: CommandNetwork = .none
    ) {
        self.runner = runner
        purpose = SandboxPurpose(identity: identity, tenant: tenant, limits: limits, network: network)
    }

    /// Starts a command and returns once its sandbox has it.
    ///
    /// Throws `EMPTY_COMMAND`; `INVALID_ARGUMENT` for arguments, sizes and identities that cannot be; `EXEC_ERROR`,
    /// with a reason where the working directory is at fault; `PATH_ESCAPE_ATTEMPT`; `MISSING_UTILITIES`;
    /// `RESOURCE_EXHAUSTED`; `SHUTTING_DOWN`; `BACKEND_DESTROYED`; `CANCELLED`, after which nothing of the command is
    /// left. That the program itself cannot be executed shows in reads and in the end.
    package func start(_ command: Command) async throws(BackendError) -> RunningCommand {
        let prepared = try runner.prepare(command, as: purpose.identity)
        try WorkspaceDirectory.check(workingDirectory: prepared.workingDirectory, in: command.scope)
        let slot = try await runner.admit(prepared.identity.map { .user($0.uid) } ?? .sandbox(ObjectIdentifier(self)))
        do throws(BackendError) {
            guard !Task.isCancelled else { throw .waitCancelled }
            let running = try await start(prepared, command, slot)
            await runner.superviseLater(running)
            return running
        } catch {
            slot.leave()
            runner.commandEnded()
            throw error
        }
    }

    /// Kills what runs in it, and waits until it is gone. It starts nothing more. Idempotent.
    package func destroy() async {
        let before = state.withLock { state in
            defer { state = .destroyed }
            return state
        }
        switch before {
        case .none, .destroyed: return
        case .launching(let completion, _):
            guard case .success(let launched) = await completion.waitToTheEnd() else { return }
            launched.end()
            await launched.waitForEnd()
        case .launched(let launched, _):
            launched.end()
            await launched.waitForEnd()
        }
    }

    private func start(
        _ prepared: PreparedCommand,
        _ command: Command,
        _ slot: GateSlot
    ) async throws(BackendError) -> RunningCommand {
        let workspace = try DirectoryIdentity(of: command.workspace)
        guard !workspace.isRemoved else { throw .workspaceRemoved }
        for directory in [command.workspace, command.scope] { DirectoryIdentity.openUp(directory) }
        let scope = try ScopeDirectory(command.scope, beneath: workspace, open: command.workspace)
        let request = try AgentRequest(prepared, scope: scope)
        while true {
            let launched = try await sandbox(of: workspace, command)
            let running = try await runner.start(prepared, request, in: launched.connection, slot)
            if let running { return running }
            // It ended since it was asked for.
            await launched.waitForEnd()
        }
    }

    /// The sandbox, made where there is none that can be used for this workspace.
    private func sandbox(
        of workspace: DirectoryIdentity,
        _ command: Command
    ) async throws(BackendError) -> LaunchedSandbox {
        while true {
            switch state.withLock({ Self.step(&$0, workspace) }) {
            case .use(let launched):
                return launched
            case .wait(let completion, let isOfWorkspace):
                guard let result = await completion.wait() else { throw .waitCancelled }
                let launched = try result.get()
                if isOfWorkspace { return launched }
            case .launch(let completion, let replaced):
                replaced?.end()
                let result: Result<LaunchedSandbox, BackendError>
                do throws(BackendError) {
                    result = .success(try await runner.sandbox(of: command.workspace, for: purpose))
                } catch {
                    result = .failure(error)
                }
                let isWanted = state.withLock { state in
                    guard case .launching = state else { return false }
                    if case .success(let launched) = result {
                        state = .launched(launched, workspace)
                    } else {
                        state = .none
                    }
                    return true
                }
                completion.fulfil(result)
                guard isWanted else { throw .sandboxDestroyed }
                return try result.get()
            case .fail:
                throw .sandboxDestroyed
            }
        }
    }

    private static func step(_ state: inout State, _ workspace: DirectoryIdentity) -> Step {
        switch state {
        case .launched(let launched, workspace) where launched.isUsable:
            return .use(launched)
        case .launching(let completion, let launching):
            return .wait(completion, isOfWorkspace: launching == workspace)
        case .destroyed:
            return .fail
        case .none, .launched:
            let completion = Completion<Result<LaunchedSandbox, BackendError>>()
            defer { state = .launching(completion, workspace) }
            // One of a directory that is not the workspace any more.
            if case .launched(let launched, _) = state { return .launch(completion, replacing: launched) }
            return .launch(completion, replacing: nil)
        }
    }
}

extension BackendError {
    fileprivate static let sandboxDestroyed = BackendError(
        .backendDestroyed,
        message: "the backend was destroyed: acquire it again"
    )
}
