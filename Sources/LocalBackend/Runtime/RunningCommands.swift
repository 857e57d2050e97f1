internal import AgentBackend
internal import NIOCore
internal import Synchronization

/// The commands of a backend and of its scopes that may still run, and what runs them, to be ended with it. Safe to use
/// from any thread.
final class RunningCommands: Sendable {
    private struct State {
        var commands: [UInt64: any StartedCommand] = [:]
        var lastCommand: UInt64 = 0
        /// Made for the first command.
        var runner: (any BackendCommands)?
        /// The backend was destroyed.
        var isEnded = false
    }

    private let state = Mutex(State())
    /// Of the workspace that they run in. Nil: nobody counts.
    private let usage: WorkspaceUsage?

    init(usage: WorkspaceUsage? = nil) {
        self.usage = usage
    }

    /// What runs the commands. Nil where the backend was destroyed.
    func runner(makeRunner: () -> any BackendCommands) -> (any BackendCommands)? {
        state.withLock { state in
            guard !state.isEnded else { return nil }
            let runner = state.runner ?? makeRunner()
            state.runner = runner
            return runner
        }
    }

    /// What its caller gets in place of a command that the workspace was told of. Nil where the backend was destroyed
    /// meanwhile: the command was ended, too.
    func add(_ command: any StartedCommand) async -> (any CommandExecution)? {
        let number = state.withLock { state -> UInt64? in
            guard !state.isEnded else { return nil }
            forgetEnded(&state)
            state.lastCommand += 1
            state.commands[state.lastCommand] = command
            return state.lastCommand
        }
        if let number { return RunningExecution(command: command, number: number, commands: self) }
        await Self.end([command])
        usage?.commandEnded()
        return nil
    }

    /// Also those whose callers did not wait for their ends.
    func forgetEnded() {
        state.withLock { forgetEnded(&$0) }
    }

    private func forgetEnded(_ state: inout State) {
        for (number, command) in state.commands where command.hasEnded { remove(number, from: &state) }
    }

    /// The workspace holds more than it may. Those that run are ended; others may be started, to remove something.
    func terminate(overDiskQuota allowed: UInt64) {
        let commands = state.withLock { Array($0.commands.values) }
        for command in commands { command.terminate(overDiskQuota: allowed) }
    }

    /// Ends them all, and waits until no process of theirs is left. Takes no more.
    func end() async {
        let (commands, runner) = state.withLock { state in
            defer { state = State(isEnded: true) }
            return (Array(state.commands.values), state.runner)
        }
        await Self.end(commands)
        for _ in commands { usage?.commandEnded() }
        await runner?.destroy()
    }

    fileprivate func remove(_ number: UInt64) {
        state.withLock { remove(number, from: &$0) }
    }

    private func remove(_ number: UInt64, from state: inout State) {
        if state.commands.removeValue(forKey: number) != nil { usage?.commandEnded() }
    }

    private static func end(_ commands: [any StartedCommand]) async {
        for command in commands { command.terminate() }
        for command in commands { _ = await command.waitForEnd() }
    }
}

/// Is forgotten when its caller has seen its end.
private struct RunningExecution: CommandExecution {
    let command: any StartedCommand
    let number: UInt64
    let commands: RunningCommands

    var isolation: String { command.isolation }

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
        try await command.signal(number)
    }

    func resizeTerminal(to size: TerminalSize) async throws(BackendError) {
        try await command.resizeTerminal(to: size)
    }

    func terminate() {
        command.terminate()
    }

    func waitForEnd() async -> ExecEnd {
        let end = await command.waitForEnd()
        commands.remove(number)
        return end
    }
}
