import AgentBackend
import ArgumentParser
import BrokerClient
import Glibc

/// Runs a command at this terminal.
struct ShellCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "shell",
        abstract: "Work at a terminal in the workspace, and exit as the shell does.",
        discussion: """
            Every key is the shell's, Ctrl-C and Ctrl-Z too; Ctrl-D or exit ends it. In place of the shell it runs the \
            command after --, as exec does. Without --key it runs in a fresh workspace, which is gone afterwards. The \
            end of this program, or of its connection, ends the shell with all that it started.
            """
    )

    @OptionGroup var client: ClientOptions
    @OptionGroup var options: CommandOptions
    @Argument(help: ArgumentHelp("After --.", valueName: "command"))
    var command: [ByteArgument] = []

    /// Of a terminal that is raw none comes from the keyboard.
    static let terminationSignals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]

    func validate() throws {
        guard isatty(0) == 1 else {
            throw ValidationError("shell needs a terminal as its standard input: use exec where there is none")
        }
    }

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        let terminal = try LocalTerminal(0)
        // Before the size is asked for: none of its changes is missed.
        let changes = try WindowChanges()
        var request = try options.request(command.isEmpty ? Self.shell : command.map(\.bytes))
        request.opensStandardInput = true
        request.terminal = Terminal(terminal.size, type: ClientOptions.environmentVariable("TERM"))
        let end = try await client.withWorkspace(of: connection) { [request] target in
            try await connection.withExec(request, on: target) { session in
                try await terminal.withRawMode { try await Self.join(terminal, changes, to: session, output) }
            }
        }
        return try CommandEnd.status(end, isQuiet: client.json)
    }

    /// Not by a line for the shell: bash, where it is no shell of a terminal, drops the prompt that it is given.
    private static let shell = ["sh", "-c", "exec \"$SHELL\""].map { Array($0.utf8) }

    /// Returns when the command has ended, and throws when the terminal is gone.
    private static func join(
        _ terminal: LocalTerminal,
        _ changes: WindowChanges,
        to session: CommandSession,
        _ output: CommandOutput
    ) async throws -> ExecEnd? {
        // Nothing reaches a command before it has started.
        guard case .started? = try await session.next() else { return nil }
        return try await withThrowingTaskGroup(of: ExecEnd?.self) { group in
            group.addTask { try await output.pass(session) }
            group.addTask { try await type(at: terminal, to: session) }
            group.addTask { try await follow(changes, of: terminal, session) }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }

    private static func type(at terminal: LocalTerminal, to session: CommandSession) async throws -> Never {
        let keyboard = try Descriptor(terminal.number)
        while let keys = try await keyboard.read(upTo: 4096) { try await session.writeInput(keys) }
        throw Descriptor.Failure.system(.read, of: "the terminal", errno: EIO)
    }

    private static func follow(
        _ changes: WindowChanges,
        of terminal: LocalTerminal,
        _ session: CommandSession
    ) async throws -> Never {
        while true {
            try await changes.next()
            // What cannot be told now is with the next change; a connection that is lost is told elsewhere.
            try? await session.resizeTerminal(to: terminal.size)
        }
    }
}
