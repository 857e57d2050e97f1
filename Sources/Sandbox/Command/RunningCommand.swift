package import AgentBackend
internal import CLinux
internal import Glibc
package import NIOCore

/// A command whose sandbox was started. Safe to use from any thread.
///
/// It ends by itself, at its deadline or by ``terminate(_:)``; dropping it ends nothing. Whoever started it reads
/// both streams to their end, or ends it: a stream that nobody reads holds the command up.
package final class RunningCommand: Sendable {
    private let sandbox: LaunchedSandbox
    private let command: Command
    private let programName: [UInt8]
    private let deadline: Duration
    private let setupLimit: Duration
    private let maximumReadSize: Int
    private let clock: any Clock<Duration>

    private let input: InputPipe?
    private let standardOutput: OutputPipe
    private let standardError: OutputPipe

    /// Whether the sandbox was set up, or ended before it was.
    private let setUp = Completion<Bool>()
    private let termination = Completion<Termination>()
    private let end = Completion<CommandEnd>()
    private let launched = ContinuousClock.now

    private enum Termination: Sendable {
        case wanted(TerminationCause)
        case setupTookTooLong
    }

    init(
        _ sandbox: LaunchedSandbox,
        of command: Command,
        programName: [UInt8],
        configuration: CommandRunner.Configuration,
        clock: any Clock<Duration>
    ) {
        self.sandbox = sandbox
        self.command = command
        self.programName = programName
        self.clock = clock
        deadline = min(command.deadline ?? configuration.maximumLifetime, configuration.maximumLifetime)
        setupLimit = configuration.setupLimit
        maximumReadSize = configuration.maximumReadSize
        input = sandbox.standardInput.map { InputPipe($0) }
        standardOutput = OutputPipe(sandbox.standardOutput, isSharedWithLauncher: false)
        standardError = OutputPipe(sandbox.standardError, isSharedWithLauncher: true)
    }

    /// Waits for output and returns at most `count` bytes of it, and never more than the runner's read size. Nil:
    /// all that the tree wrote was read, and nothing of the tree is left. Throws `EXEC_ERROR` in place of nil for a
    /// program that could not be run, `CANCELLED`, and `CONFLICT` while another task reads the same stream.
    package func readOutput(_ stream: OutputStream, upTo count: Int) async throws(BackendError) -> ByteBuffer? {
        let size = max(1, min(count, maximumReadSize))
        switch stream {
        case .standardOutput: return try await standardOutput.read(upTo: size)
        case .standardError: return try await standardError.read(upTo: size)
        }
    }

    /// Waits until the pipe took all of it. Dropped where the input was not opened, or is read no more. Throws
    /// `CANCELLED`. One write at a time.
    package func writeInput(_ bytes: ByteBuffer) async throws(BackendError) {
        try await input?.write(bytes)
    }

    /// The command finds its standard input at the end after what was written. Idempotent.
    package func closeInput() {
        input?.close()
    }

    /// Ends the whole tree: SIGTERM, the command's grace, SIGKILL. Returns at once. Only the first cause counts.
    package func terminate(_ cause: TerminationCause) {
        termination.fulfil(.wanted(cause))
    }

    /// Waits until no process of the tree is left, also through a cancellation of the calling task.
    package func waitForEnd() async -> CommandEnd {
        await end.waitToTheEnd()
    }

    /// Waits until the sandbox is set up and the program is about to be executed. False: it has ended instead. Nil:
    /// the calling task was cancelled.
    func waitUntilSetUp() async -> Bool? {
        await setUp.wait()
    }

    // MARK: Supervision

    /// Sees the command to its end. Called once, by the runner. Cancelling the calling task ends the command.
    func supervise() async {
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.awaitSetup() }
                group.addTask { await self.limitSetup() }
                group.addTask { await self.enforceDeadline() }
                group.addTask { await self.carryOutTermination() }
                await self.awaitDeath()
                group.cancelAll()
            }
        } onCancel: {
            terminate(.shuttingDown)
        }
        finish()
    }

    private func awaitSetup() async {
        // bubblewrap's end is closed when it has read the filter, or died.
        guard case .tryAgain = await sandbox.filter.wait(until: .hungUp) else { return }
        setUp.fulfil(filterWasRead)
    }

    private func limitSetup() async {
        guard (try? await clock.sleep(for: setupLimit)) != nil, setUp.value == nil else { return }
        termination.fulfil(.setupTookTooLong)
    }

    private func enforceDeadline() async {
        guard (try? await clock.sleep(for: deadline)) != nil else { return }
        terminate(.deadline(deadline))
    }

    private func carryOutTermination() async {
        // Nil when the command has ended, or the runner was cancelled.
        if await termination.wait() != nil, setUp.value == true {
            ProcessTree(launcher: sandbox.processID).send(SIGTERM)
            try? await clock.sleep(for: command.grace)
        }
        // The kernel ends the whole tree with it. Nobody gets it where that has ended.
        _ = sandbox.process.withDescriptor { linux_pidfd_send_signal($0, SIGKILL) }
    }

    private func awaitDeath() async {
        while sandbox.process.withDescriptor({ linux_has_ended($0) }) == 0 {
            _ = await sandbox.process.waitToTheEnd(until: .readable)
        }
    }

    /// Reaps only here: until then the process id was bubblewrap's, also for ``ProcessTree``.
    private func finish() {
        var exit = linux_exit()
        _ = sandbox.process.withDescriptor { linux_reap($0, &exit) }
        sandbox.process.close()
        let wall = launched.duration(to: .now)
        let exitCode = StatusDocument.exitCode(in: sandbox.status.readAll())

        if setUp.value == nil { setUp.fulfil(filterWasRead || exitCode != nil) }
        sandbox.filter.close()
        input?.close()
        let outcome = outcome(exitCode: exitCode, launcherExit: exit)
        if case .failed(let error) = outcome {
            standardOutput.treeFailed(error)
            standardError.treeFailed(error)
        } else {
            standardOutput.treeEnded()
            standardError.treeEnded()
        }
        end.fulfil(CommandEnd(outcome: outcome, usage: ExecEnd.Usage(exit, wall: wall)))
    }

    private func outcome(exitCode: UInt8?, launcherExit: linux_exit) -> CommandEnd.Outcome {
        switch (termination.value, exitCode) {
        case (.wanted(let cause), _):
            return .terminated(cause)
        case (.setupTookTooLong, _):
            return .failed(.setupTookTooLong(setupLimit))
        case (nil, let exitCode?):
            return .exited(code: exitCode)
        case (nil, nil):
            if launcherExit.signal != 0 { return .failed(.sandboxKilled(signal: launcherExit.signal)) }
            let diagnosis = standardError.takeDiagnosis()
            return .failed(diagnosis.error(running: programName, in: command.workingDirectory))
        }
    }

    /// Whether bubblewrap took the filter before it closed its end, which it does just before it runs the command:
    /// a socket whose other end went with bytes unread reports a reset, once.
    private var filterWasRead: Bool {
        sandbox.filter.withDescriptor { descriptor in
            var byte: UInt8 = 0
            return recv(descriptor, &byte, 1, 0) == 0
        } ?? false
    }
}

extension ExecEnd.Usage {
    fileprivate init(_ exit: linux_exit, wall: Duration) {
        self.init(
            wall: wall,
            user: .microseconds(exit.user_microseconds),
            system: .microseconds(exit.system_microseconds),
            maximumResidentBytes: Self.residentBytes(exit)
        )
    }
}

extension ExecEnd.Usage {
    /// 0, for unknown, where it is not more than the broker's own: a process that shared the broker's memory before
    /// it executed bubblewrap counts that as its own.
    fileprivate static func residentBytes(_ exit: linux_exit) -> UInt64 {
        var own = rusage()
        getrusage(RUSAGE_SELF.rawValue, &own)
        let resident = exit.maximum_resident_kibibytes
        return resident > own.ru_maxrss ? UInt64(resident) * 1024 : 0
    }
}

extension BackendError {
    fileprivate static func setupTookTooLong(_ limit: Duration) -> BackendError {
        BackendError(
            .execError,
            message: "the sandbox was not set up within \(limit): the host is overloaded; try again later",
            isRetryable: true
        )
    }

    fileprivate static func sandboxKilled(signal: Int32) -> BackendError {
        BackendError(
            .execError,
            message: "the host ended the sandbox with signal \(signal), perhaps for lack of memory",
            maybeExecuted: true
        )
    }
}
