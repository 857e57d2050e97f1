package import AgentBackend
internal import Synchronization

/// Runs commands, each in a sandbox of its own.
///
/// Safe to use from any thread. ``run()`` has to be running: it owns the threads and sees every command to its end;
/// a start waits for it.
///
/// What it changes in the process: the first command that runs as an identity makes the process's memory unreadable
/// for others (PR_SET_DUMPABLE of prctl(2)). It touches no signal handler and reaps no child but its own.
package final class CommandRunner: Sendable {
    package let level: IsolationLevel
    package let configuration: Configuration

    private let clock: any Clock<Duration>
    private let reactor: ReadinessReactor
    private let launchThread: LaunchThread
    private let launcher: SandboxLauncher
    private let gate: StartGate

    private let admission: Mutex<CommandAdmission>
    /// Commands that were launched, for ``run()`` to supervise. Never holds more than may run at once.
    private let launched: AsyncStream<RunningCommand>
    private let launchedContinuation: AsyncStream<RunningCommand>.Continuation
    /// Nothing runs, and nothing will.
    private let idle = Completion<Void>()

    /// Throws `MISSING_UTILITIES` for a level that this host or this build does not have, and `NOT_IMPLEMENTED` for
    /// `none`.
    package init(
        level: IsolationLevel,
        configuration: Configuration = Configuration(),
        clock: any Clock<Duration> = .continuous
    ) throws(BackendError) {
        try Self.check(level, configuration)
        self.level = level
        self.configuration = configuration
        self.clock = clock
        reactor = try ReadinessReactor()
        launchThread = try LaunchThread()
        launcher = try SandboxLauncher(
            configuration: configuration,
            reactor: reactor,
            filter: SandboxLauncher.commandFilter()
        )
        gate = StartGate(
            slots: configuration.maximumStartsAtOnce,
            maximumWaiting: configuration.maximumWaitingStarts
        )
        admission = Mutex(CommandAdmission(maximumRunning: configuration.maximumRunningCommands))
        (launched, launchedContinuation) = AsyncStream.makeStream()
    }

    /// Commands at once from now on, in place of what the configuration says. Those that run go on, even where
    /// there are more.
    package func setMaximumRunningCommands(_ maximum: Int) {
        admission.withLock { $0.maximumRunning = maximum }
    }

    /// Starts a command and returns once its sandbox is set up and its program about to be executed.
    ///
    /// Throws `EMPTY_COMMAND`; `INVALID_ARGUMENT` for arguments, sizes and identities that cannot be; `EXEC_ERROR`,
    /// with a reason where the working directory is at fault; `PATH_ESCAPE_ATTEMPT`; `MISSING_UTILITIES`;
    /// `RESOURCE_EXHAUSTED`; `SHUTTING_DOWN`; `CANCELLED`, after which nothing of the command is left. That the
    /// program itself cannot be executed shows in reads and in the end.
    package func start(_ command: Command) async throws(BackendError) -> RunningCommand {
        let prepared = try PreparedCommand(
            command,
            shell: launcher.shell,
            maximumSize: configuration.maximumCommandSize
        )
        try admission.withLock { admission throws(BackendError) in try admission.admit() }
        do throws(BackendError) {
            try await gate.enter()
        } catch {
            commandEnded()
            throw error
        }
        defer { gate.leave() }
        let running = try await launch(command, prepared)
        await superviseLater(running)
        do throws(BackendError) {
            try await awaitSetup(of: running)
        } catch {
            running.closeOutput()
            throw error
        }
        return running
    }

    /// Sees all commands to their ends. Returns after ``beginShutdown()``, once no command is left. Cancelling the
    /// calling task begins a shutdown and kills what runs. Called once.
    package func run() async throws(BackendError) {
        let pollingEnded = Completion<Void>()
        let launchingEnded = Completion<Void>()
        do throws(BackendError) {
            try DedicatedThread.start(name: "sandbox-poll") { [reactor] in
                reactor.run()
                pollingEnded.fulfil(())
            }
            try DedicatedThread.start(name: "sandbox-launch") { [launchThread] in
                launchThread.run()
                launchingEnded.fulfil(())
            }
        } catch {
            beginShutdown()
            launchThread.stop()
            reactor.stop()
            throw error
        }
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                for await command in launched {
                    group.addTask { await self.supervise(command) }
                }
            }
            // A start that was under way when the stream was cut off is supervised by its caller.
            await idle.waitToTheEnd()
        } onCancel: {
            beginShutdown()
        }
        launchThread.stop()
        reactor.stop()
        await launchingEnded.waitToTheEnd()
        await pollingEnded.waitToTheEnd()
    }

    /// No command starts from now on: `SHUTTING_DOWN`. Those that run go on. Idempotent.
    package func beginShutdown() {
        let isIdle = admission.withLock { $0.beginShutdown() }
        if isIdle { becomeIdle() }
    }

    // MARK: A start

    private func launch(
        _ command: Command,
        _ prepared: PreparedCommand
    ) async throws(BackendError) -> RunningCommand {
        let sandbox: LaunchedSandbox
        do throws(BackendError) {
            sandbox = try await launchThread.perform { [launcher] in
                Result { () throws(BackendError) in try launcher.launch(prepared) }
            }
        } catch {
            commandEnded()
            throw error
        }
        return RunningCommand(
            sandbox,
            of: command,
            programName: prepared.arguments[0],
            configuration: configuration,
            clock: clock
        )
    }

    private func awaitSetup(of running: RunningCommand) async throws(BackendError) {
        switch await running.waitUntilSetUp() {
        case true:
            return
        case nil:
            running.terminate(.cancelled)
            _ = await running.waitForEnd()
            throw .waitCancelled
        case false:
            switch await running.waitForEnd().outcome {
            case .failed(let error): throw error
            case .terminated(.shuttingDown): throw .shuttingDown
            case .terminated, .exited: return
            }
        }
    }

    // MARK: Supervision

    private func superviseLater(_ command: RunningCommand) async {
        if case .terminated = launchedContinuation.yield(command) {
            // run() was cancelled.
            command.terminate(.shuttingDown)
            await supervise(command)
        }
    }

    private func supervise(_ command: RunningCommand) async {
        let end = await command.supervise()
        // First: whoever learns of the end may start the next command.
        commandEnded()
        command.tell(end)
    }

    private func commandEnded() {
        let isIdle = admission.withLock { $0.release() }
        if isIdle { becomeIdle() }
    }

    private func becomeIdle() {
        launchedContinuation.finish()
        idle.fulfil(())
    }

    private static func check(_ level: IsolationLevel, _ configuration: Configuration) throws(BackendError) {
        switch level {
        case .bwrap:
            return
        case .none:
            throw BackendError(
                .notImplemented,
                message: "commands without isolation are not built yet: use the level bwrap"
            )
        case .software, .landlock:
            throw BackendError(
                .missingUtilities,
                message: "the isolation level \(level.rawValue) is not built yet: use the level bwrap"
            )
        }
    }
}
