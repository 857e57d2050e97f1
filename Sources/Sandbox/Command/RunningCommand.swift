package import AgentBackend
package import NIOCore

/// A command whose sandbox was started. Safe to use from any thread.
///
/// It ends by itself, at its deadline or by ``terminate(_:)``; dropping it ends nothing. Whoever started it reads
/// both streams to their end, or ends it: a stream that nobody reads holds the command up.
package final class RunningCommand: Sendable {
    enum Termination: Sendable {
        case wanted(TerminationCause)
        case setupTookTooLong
    }

    let sandbox: LaunchedSandbox
    let command: Command
    let programName: [UInt8]
    let deadline: Duration
    let setupLimit: Duration
    let clock: any Clock<Duration>
    private let maximumReadSize: Int

    let input: InputPipe?
    let standardOutput: OutputPipe
    let standardError: OutputPipe

    /// Whether the sandbox was set up, or ended before it was.
    let setUp = Completion<Bool>()
    let termination = Completion<Termination>()
    let end = Completion<CommandEnd>()
    let launched = ContinuousClock.now

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
    package func readOutput(_ stream: CommandStream, upTo count: Int) async throws(BackendError) -> ByteBuffer? {
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

    /// Sends a signal to every process of the tree. Of one that has ended: nothing happens. Throws `INVALID_ARGUMENT`
    /// for a number that is no signal.
    package func signal(_ number: Int32) throws(BackendError) {
        guard (1...Self.lastSignal).contains(number) else {
            throw BackendError(.invalidArgument, message: "\(number) is no signal: give one of 1 to \(Self.lastSignal)")
        }
        // Its process is reaped, and the id free for others, once it is closed.
        _ = sandbox.process.withDescriptor { _ in ProcessTree(launcher: sandbox.processID).send(number) }
    }

    /// SIGRTMAX of the kernel.
    private static let lastSignal: Int32 = 64

    /// Nobody will read. What the command writes from now on is an error for it. Idempotent.
    package func closeOutput() {
        standardOutput.close()
        standardError.close()
    }

    /// No process of the tree is left.
    package var hasEnded: Bool { end.value != nil }

    /// Waits until no process of the tree is left, also through a cancellation of the calling task.
    package func waitForEnd() async -> CommandEnd {
        await end.waitToTheEnd()
    }

    /// Waits until the sandbox is set up and the program is about to be executed. False: it has ended instead. Nil:
    /// the calling task was cancelled.
    func waitUntilSetUp() async -> Bool? {
        await setUp.wait()
    }
}
