package import AgentBackend
internal import CLinux
internal import Glibc
package import NIOCore

/// A command that was given to its sandbox. Safe to use from any thread.
///
/// It ends by itself, at its deadline or by ``terminate(_:)``; dropping it ends nothing. Whoever started it reads
/// both streams to their end, or ends it: a stream that nobody reads holds the command up.
package final class RunningCommand: Sendable {
    let prepared: PreparedCommand
    let deadline: Duration
    let clock: any Clock<Duration>
    private let id: UInt64
    /// Weak would do: it goes with the sandbox, which tells of that.
    private let connection: AgentConnection
    private let runner: CommandRunner
    private let gate: GateSlot
    let control: CommandControl
    private let output: OutputBudget
    private let started = ContinuousClock.now

    private let streams: CommandStreams

    let termination = Completion<TerminationCause>()
    private let end = Completion<CommandEnd>()
    /// Its supervisor has something to do.
    let attention = Completion<Void>()

    init(
        _ prepared: PreparedCommand,
        id: UInt64,
        of connection: AgentConnection,
        streams: CommandStreams,
        control: CommandControl,
        gate: GateSlot,
        runner: CommandRunner
    ) {
        self.prepared = prepared
        self.id = id
        self.connection = connection
        self.control = control
        self.gate = gate
        self.runner = runner
        clock = runner.clock
        let maximum = runner.configuration.maximumLifetime
        deadline = min(prepared.deadline ?? maximum, maximum)
        self.streams = streams
        output = OutputBudget(prepared.limits.outputBytes)
    }

    /// Waits for output and returns at most `count` bytes of it, and never more than the runner's read size. Nil:
    /// all that the tree wrote was read, and nothing of the tree is left. Throws `EXEC_ERROR` in place of nil for a
    /// program that could not be run, `PATH_ESCAPE_ATTEMPT` where another directory took the place of its scope,
    /// `CANCELLED`, and `CONFLICT` while another task reads the same stream.
    ///
    /// What it writes beyond its limit is read and dropped: it is ended, and does not wait for its reader meanwhile.
    package func readOutput(_ stream: CommandStream, upTo count: Int) async throws(BackendError) -> ByteBuffer? {
        let size = max(1, min(count, runner.configuration.maximumReadSize))
        while let bytes = try await readPipe(stream, upTo: size) {
            let fitting = output.take(bytes)
            if fitting.readableBytes < bytes.readableBytes, let allowed = prepared.limits.outputBytes {
                terminate(.output(allowed))
            }
            if fitting.readableBytes > 0 { return fitting }
        }
        return nil
    }

    private func readPipe(_ stream: CommandStream, upTo size: Int) async throws(BackendError) -> ByteBuffer? {
        switch stream {
        case .standardOutput:
            return try await streams.output.read(upTo: size)
        case .standardError:
            if let error = streams.error { return try await error.read(upTo: size) }
            // A terminal has none.
            guard await end.wait() != nil else { throw .waitCancelled }
            return nil
        }
    }

    /// Waits until the pipe took all of it. Dropped where the input was not opened, or is read no more. Throws
    /// `CANCELLED`. One write at a time.
    package func writeInput(_ bytes: ByteBuffer) async throws(BackendError) {
        try await streams.input?.write(bytes)
    }

    /// The command finds its standard input at the end after what was written. Idempotent.
    package func closeInput() {
        streams.input?.close()
    }

    /// Changes the size of its terminal, of which its programs are told. Of one that has ended: nothing happens. Throws
    /// `INVALID_ARGUMENT` for a command without a terminal, or a size of 0.
    package func resizeTerminal(to size: TerminalSize) throws(BackendError) {
        try size.check()
        guard prepared.terminal != nil else {
            throw BackendError(
                .invalidArgument,
                message: "the command has no terminal to be resized: start it with one"
            )
        }
        streams.output.resizeTerminal(to: size)
    }

    /// Ends the whole tree: SIGTERM, the command's grace, SIGKILL. Returns at once. Only the first cause counts.
    package func terminate(_ cause: TerminationCause) {
        termination.fulfil(cause)
        attention.fulfil(())
    }

    /// Sends a signal to every process of the tree. Of one that has ended: nothing happens. Throws `INVALID_ARGUMENT`
    /// for a number that is no signal.
    package func signal(_ number: Int32) throws(BackendError) {
        guard (1...Self.lastSignal).contains(number) else {
            throw BackendError(
                .invalidArgument,
                message: "\(number) is no signal: give one of 1 to \(Self.lastSignal)"
            )
        }
        send(number)
    }

    /// SIGRTMAX of the kernel.
    private static let lastSignal: Int32 = 64

    /// Nobody will read. What the command writes from now on is an error for it. Idempotent.
    package func closeOutput() {
        streams.closeOutput()
    }

    /// No process of the tree is left.
    package var hasEnded: Bool { end.value != nil }

    /// Waits until no process of the tree is left, also through a cancellation of the calling task.
    package func waitForEnd() async -> CommandEnd {
        await end.waitToTheEnd()
    }

    func send(_ signal: Int32) {
        connection.sendSignal(signal, to: id)
    }

    func letNextStart() {
        gate.leave()
    }

    // MARK: Its end

    /// Nothing of the tree is left, as the agent says.
    func ended(_ reply: sandbox_reply) {
        var usage = usage
        usage.user = .microseconds(Int64(clamping: reply.user_microseconds))
        usage.system = .microseconds(Int64(clamping: reply.system_microseconds))
        usage.maximumResidentBytes = reply.maximum_resident_bytes
        let happened = control.happened()
        let outcome = termination.value.map { CommandEnd.Outcome.terminated($0) } ?? outcome(reply, happened, usage)
        tell(
            CommandEnd(
                outcome: outcome,
                usage: usage,
                lingeringProcesses: reply.lingering,
                reachedProcessLimit: happened.refusedProcesses > 0
            )
        )
    }

    /// The sandbox is gone, and everything in it. `outcome`: of commands that were not ended before.
    func sandboxEnded(_ outcome: CommandEnd.Outcome) {
        tell(CommandEnd(outcome: termination.value.map { .terminated($0) } ?? outcome, usage: usage))
    }

    /// As far as the broker sees it.
    private var usage: ExecEnd.Usage {
        ExecEnd.Usage(
            wall: started.duration(to: .now),
            standardOutputBytes: streams.output.writtenCount(),
            standardErrorBytes: streams.error?.writtenCount() ?? 0
        )
    }

    private func outcome(
        _ reply: sandbox_reply,
        _ happened: ControlGroup.Counts,
        _ usage: ExecEnd.Usage
    ) -> CommandEnd.Outcome {
        if reply.kind == UInt32(sandbox_reply_failed.rawValue) {
            let failure = SpawnFailure(reply)
            return .failed(failure, failure.error(running: prepared))
        }
        // As wait(2) has it: the low seven bits are the signal, the next byte the code.
        let signal = reply.status & 0x7f
        // A shell whose own command was killed says so, too.
        let wasKilled = reply.status < 0 || signal == SIGKILL || reply.status == (128 + SIGKILL) << 8
        if wasKilled, happened.memoryKills > 0 { return .outOfMemory }
        if let time = prepared.limits.cpuTime, control.processorSeconds > 0 {
            // The kernel warns by one and kills a second later.
            let isSpent = signal == SIGXCPU || (signal == SIGKILL && usage.user + usage.system >= time)
            if isSpent { return .terminated(.processorTime(time)) }
        }
        if signal == SIGXFSZ, let size = prepared.limits.fileBytes { return .fileSize(size) }
        // It was through before anybody read so far.
        if let size = prepared.limits.outputBytes, usage.standardOutputBytes + usage.standardErrorBytes > size {
            return .terminated(.output(size))
        }
        if reply.status < 0 { return .signaled(SIGKILL) }
        return signal == 0 ? .exited(code: UInt8(truncatingIfNeeded: reply.status >> 8)) : .signaled(signal)
    }

    private func tell(_ end: CommandEnd) {
        // First: whoever learns of the end may start the next command.
        gate.leave()
        control.commandEnded()
        runner.commandEnded()
        var failure: BackendError?
        if case .failed(_, let error) = end.outcome { failure = error }
        streams.treeEnded(failure)
        self.end.fulfil(end)
        attention.fulfil(())
    }
}
