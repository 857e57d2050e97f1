package import AgentBackend
internal import Glibc
internal import Synchronization

/// What sandboxes and their commands share: threads, limits, and the order in which commands start.
///
/// Safe to use from any thread. ``run()`` has to be running: it owns the threads and sees every command and sandbox to
/// its end; a start waits for it.
///
/// What it changes in the process: the first sandbox of an identity makes the process's memory unreadable for others
/// (PR_SET_DUMPABLE of prctl(2)). It touches no signal handler and reaps no child but its own.
package final class CommandRunner: Sendable {
    package let level: IsolationLevel
    package let configuration: Configuration

    let clock: any Clock<Duration>
    private let reactor: ReadinessReactor
    private let launchThread: LaunchThread
    private let launcher: SandboxLauncher
    private let gate: StartGate

    private let admission: Mutex<CommandAdmission>
    /// That live, to be ended when nothing runs and nothing will.
    private let sandboxes = Mutex<[ObjectIdentifier: LaunchedSandbox]>([:])
    private let spares: Mutex<SpareSandboxes<LaunchedSandbox>>
    /// What ``run()`` is to see to its end: no more than commands that may run at once, and sandboxes.
    private let supervised: AsyncStream<Supervision>
    private let supervisedContinuation: AsyncStream<Supervision>.Continuation
    /// Nothing runs, and nothing will.
    private let idle = Completion<Void>()

    private struct Supervision: Sendable {
        let executor: any TaskExecutor
        let body: @Sendable () async -> Void
    }

    /// A program that was started this long ago is not being started any more.
    static let longestStart = Duration.milliseconds(5)

    /// That the host has the level shows when the first command is started. Throws `MISSING_UTILITIES` and system calls'
    /// errors. `host`: nil for one of its own.
    package init(
        level: IsolationLevel,
        configuration: Configuration = Configuration(),
        host: SandboxHost? = nil,
        clock: (any Clock<Duration>)? = nil
    ) throws(BackendError) {
        let reactor = try ReadinessReactor()
        let launchThread = try LaunchThread()
        let launcher = try SandboxLauncher(
            level: level,
            configuration: configuration,
            host: host ?? SandboxHost(configuration),
            reactor: reactor
        )
        self.level = level
        self.configuration = configuration
        self.clock = clock ?? ReactorClock(reactor: reactor)
        self.reactor = reactor
        self.launchThread = launchThread
        self.launcher = launcher
        gate = StartGate(
            slots: configuration.maximumStartsAtOnce,
            maximumWaiting: configuration.maximumWaitingStarts
        )
        spares = Mutex(SpareSandboxes(maximum: configuration.maximumSpareSandboxes))
        admission = Mutex(CommandAdmission(maximumRunning: configuration.maximumRunningCommands))
        (supervised, supervisedContinuation) = AsyncStream.makeStream()
    }

    /// Commands at once from now on, in place of what the configuration says. Those that run go on, even where
    /// there are more.
    package func setMaximumRunningCommands(_ maximum: Int) {
        admission.withLock { $0.maximumRunning = maximum }
    }

    /// Sees all commands to their ends. Returns after ``beginShutdown()``, once no command and no sandbox is left.
    /// Cancelling the calling task begins a shutdown and kills what runs. Called once.
    package func run() async throws(BackendError) {
        let pollingEnded = Completion<Void>()
        let launchingEnded = Completion<Void>()
        do throws(BackendError) {
            try DedicatedThread.start(name: "sandbox-poll") { [reactor] in
                reactor.run()
                pollingEnded.fulfil(())
            }
            try DedicatedThread.start(name: "sandbox-launch") { [self] in
                launcher.prepare()
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
            await withTaskExecutorPreference(reactor) {
                await withDiscardingTaskGroup { group in
                    for await supervision in supervised {
                        group.addTask(executorPreference: supervision.executor) { await supervision.body() }
                    }
                }
            }
            // A start that was under way when the stream was cut off is supervised by its caller.
            await idle.waitToTheEnd()
        } onCancel: {
            beginShutdown()
        }
        // Perhaps still on the reactor's thread, which goes on until it waits the next time.
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

    /// How limits are kept on this host.
    package var limitMechanisms: [LimitMechanism] { launcher.limitMechanisms }

    // MARK: For WarmSandbox

    func prepare(_ command: Command, as identity: HostIdentity?) throws(BackendError) -> PreparedCommand {
        try PreparedCommand(
            command,
            as: identity,
            shell: launcher.shell,
            home: level.hasNamespaces
                ? .inSandbox : .inHost(try SymbolicLink.target(of: "/proc/self/fd/\(command.scope)")),
            maximumSize: configuration.maximumCommandSize
        )
    }

    /// Counts one more command, and waits for its turn to be started. To be undone by ``commandEnded()``.
    func admit(_ party: StartParty) async throws(BackendError) -> GateSlot {
        try admission.withLock { admission throws(BackendError) in try admission.admit() }
        do throws(BackendError) {
            try await gate.enter(party)
            return gate.slot()
        } catch {
            commandEnded()
            throw error
        }
    }

    /// A sandbox of a workspace: a spare one, or one that is made now. Waits until it can be used, also through a
    /// cancellation of the calling task.
    func sandbox(of workspace: Int32, for purpose: SandboxPurpose) async throws(BackendError) -> LaunchedSandbox {
        let limits = launcher.limits(of: purpose)
        guard launcher.makesVacant else { return try await launch(in: workspace, for: purpose, limits) }
        let mount = try WorkspaceMount.make(of: workspace)
        let kind = SpareSandboxes<LaunchedSandbox>.Kind(
            tenant: purpose.tenant.name,
            identity: purpose.identity,
            limits: limits
        )
        while true {
            var launched = await takeSpare(kind)
            if launched == nil { launched = try await launch(in: nil, for: purpose, limits) }
            guard let launched, launched.connection.attach(mount) else { continue }
            if spares.withLock({ $0.use(launched, kind) }) {
                await superviseLater(
                    Supervision(executor: globalConcurrentExecutor) { await self.makeSpare(kind, for: purpose) },
                    orElse: {}
                )
            }
            // It may have ended before it was counted, and nobody would take it off again.
            if !launched.isUsable { spares.withLock { $0.ended(launched) }?.end() }
            return launched
        }
    }

    private func takeSpare(_ kind: SpareSandboxes<LaunchedSandbox>.Kind) async -> LaunchedSandbox? {
        while true {
            switch spares.withLock({ $0.take(kind) }) {
            case .none: return nil
            case .wait(let completion): await completion.waitToTheEnd()
            case .spare(let sandbox): if sandbox.isUsable { return sandbox }
            }
        }
    }

    private func makeSpare(_ kind: SpareSandboxes<LaunchedSandbox>.Kind, for purpose: SandboxPurpose) async {
        var sandbox: LaunchedSandbox?
        // It takes no other's place.
        if sandboxes.withLock({ $0.count < configuration.maximumSandboxes }) {
            // Where that fails, the next workspace's own sandbox does, too, and tells.
            sandbox = try? await launch(in: nil, for: purpose, kind.limits)
        }
        spares.withLock { $0.made(sandbox, kind) }?.end()
    }

    private func launch(
        in workspace: Int32?,
        for purpose: SandboxPurpose,
        _ limits: SandboxLimits
    ) async throws(BackendError) -> LaunchedSandbox {
        let launched = try await launchThread.perform { [self] in
            Result { () throws(BackendError) in try launcher.launch(in: workspace, for: purpose, limits) }
        }
        await superviseLater(launched)
        do throws(BackendError) {
            try await launched.connection.ready.waitToTheEnd().get()
        } catch {
            launched.end()
            await launched.waitForEnd()
            throw error
        }
        return launched
    }

    /// Nil: the sandbox has ended, and nothing was started.
    func start(
        _ prepared: PreparedCommand,
        _ request: borrowing AgentRequest,
        in connection: AgentConnection,
        _ slot: GateSlot
    ) async throws(BackendError) -> RunningCommand? {
        let control = try CommandControl(prepared.limits, in: connection.group)
        let running: RunningCommand?
        do throws(BackendError) {
            running = try await start(prepared, request, in: connection, control, slot)
        } catch {
            control.commandEnded()
            throw error
        }
        if running == nil { control.commandEnded() }
        return running
    }

    private func start(
        _ prepared: PreparedCommand,
        _ request: borrowing AgentRequest,
        in connection: AgentConnection,
        _ control: CommandControl,
        _ slot: GateSlot
    ) async throws(BackendError) -> RunningCommand? {
        let make = { @Sendable [self] (id: UInt64, streams: CommandStreams) in
            RunningCommand(
                prepared,
                id: id,
                of: connection,
                streams: streams,
                control: control,
                gate: slot,
                runner: self
            )
        }
        if prepared.terminal != nil {
            return try await connection.start(request, of: prepared, control) {
                [self] id, terminal throws(BackendError) in
                let streams = try CommandStreams(
                    terminal: terminal,
                    opensStandardInput: prepared.opensStandardInput,
                    reactor: reactor
                )
                return make(id, streams)
            }
        }
        let input: StandardInput
        if prepared.opensStandardInput {
            input = try .open(owner: prepared.identity, reactor: reactor)
        } else {
            input = try .empty()
        }
        let output = try StandardOutput.open(owner: prepared.identity, reactor: reactor)
        let error = try StandardOutput.open(owner: prepared.identity, reactor: reactor)
        let streams = CommandStreams(input: input.writer, output: output.reader, error: error.reader)
        let descriptors = [input.inside.rawValue, output.inside.rawValue, error.inside.rawValue]
        return try connection.start(request, descriptors: descriptors, control) { make($0, streams) }
    }

    // MARK: Supervision

    func superviseLater(_ command: RunningCommand) async {
        // It waits for the reactor, and does nothing that takes time.
        await superviseLater(
            Supervision(executor: reactor) { await command.supervise() },
            orElse: { command.terminate(.shuttingDown) }
        )
    }

    private func superviseLater(_ sandbox: LaunchedSandbox) async {
        let before = sandboxes.withLock { sandboxes in
            defer { sandboxes[ObjectIdentifier(sandbox)] = sandbox }
            return Array(sandboxes.values)
        }
        // Those in use are no more than commands may run.
        if before.count >= configuration.maximumSandboxes {
            let unused = before.filter { $0.connection.isUnused && $0.isUsable }
            unused.min { $0.connection.lastUse < $1.connection.lastUse }?.endIfUnused()
        }
        await superviseLater(
            Supervision(executor: globalConcurrentExecutor) {
                await sandbox.supervise(setupLimit: self.configuration.setupLimit, clock: self.clock)
                self.sandboxes.withLock { _ = $0.removeValue(forKey: ObjectIdentifier(sandbox)) }
                self.spares.withLock { $0.ended(sandbox) }?.end()
            },
            orElse: { sandbox.end() }
        )
    }

    /// `end` brings it to its end, where nobody is there to supervise it any more.
    private func superviseLater(_ supervision: Supervision, orElse end: () -> Void) async {
        if case .terminated = supervisedContinuation.yield(supervision) {
            // run() was cancelled.
            end()
            await supervision.body()
        }
    }

    func commandEnded() {
        let isIdle = admission.withLock { $0.release() }
        if isIdle { becomeIdle() }
    }

    private func becomeIdle() {
        for sandbox in sandboxes.withLock({ Array($0.values) }) { sandbox.end() }
        supervisedContinuation.finish()
        idle.fulfil(())
    }
}
