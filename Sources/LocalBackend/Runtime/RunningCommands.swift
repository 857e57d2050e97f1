internal import AgentBackend
internal import NIOCore
internal import Synchronization

/// The commands of a backend and of its scopes that may still run, to be ended with it. Safe to use from any thread.
final class RunningCommands: Sendable {
    private struct State {
        var commands: [UInt64: any StartedCommand] = [:]
        var lastCommand: UInt64 = 0
        /// The backend was destroyed.
        var isEnded = false
    }

    private let state = Mutex(State())

    /// What its caller gets in its place. Nil where the backend was destroyed meanwhile: the command was ended, too.
    func add(_ command: any StartedCommand) async -> (any CommandExecution)? {
        let number = state.withLock { state -> UInt64? in
            guard !state.isEnded else { return nil }
            // Also those whose callers did not wait for their ends.
            state.commands = state.commands.filter { !$0.value.hasEnded }
            state.lastCommand += 1
            state.commands[state.lastCommand] = command
            return state.lastCommand
        }
        if let number { return RunningExecution(command: command, number: number, commands: self) }
        await Self.end([command])
        return nil
    }

    /// Ends them all, and waits until no process of theirs is left. Takes no more.
    func end() async {
        let commands = state.withLock { state in
            defer { state = State(isEnded: true) }
            return Array(state.commands.values)
        }
        await Self.end(commands)
    }

    fileprivate func remove(_ number: UInt64) {
        state.withLock { _ = $0.commands.removeValue(forKey: number) }
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
