import AgentBackend
import ArgumentParser
import BrokerClient
import BrokerServer
import Glibc
import NIOCore

/// Runs a command.
struct ExecCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "exec",
        abstract: "Run a command in the workspace, and exit as it does.",
        discussion: """
            One argument after -- is a line for the shell, several are a command and its arguments. Standard input, \
            output and error are the command's. Without --key it runs in a fresh workspace, which is gone afterwards. \
            Ctrl-C kills it with all that it started.

            With --json one object, when it has ended: exit_code (unless it timed out), timed_out, isolation, stdout \
            and stderr (or, for what is no UTF-8 text, stdout_base64 and stderr_base64; of more than 32 MiB the \
            beginning and the end), stdout_bytes, stderr_bytes, wall_us.
            """
    )

    @OptionGroup var client: ClientOptions
    @OptionGroup var options: CommandOptions
    @OptionGroup var change: ChangeArguments
    @Flag(name: [.customShort("n"), .customLong("no-stdin")], help: "Its standard input is at its end.")
    var noStandardInput = false
    @Flag(name: .shortAndLong, help: "Run it in the background: print its id and leave it; see ps, attach, wait, kill.")
    var detach = false
    @Argument(help: ArgumentHelp("After --.", valueName: "command"))
    var command: [ByteArgument] = []

    func validate() throws {
        if command.isEmpty { throw ValidationError("say what to run: agent-broker exec --key KEY -- COMMAND") }
        if change.idempotencyKey != nil, !detach {
            throw ValidationError("--idempotency-key needs --detach: the output of a command is not kept otherwise")
        }
    }

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        var request = try options.request(command.map(\.bytes))
        request.opensStandardInput = !noStandardInput && Self.hasStandardInput
        if detach { return try await start(request, of: connection, output) }
        return try await client.withWorkspace(of: connection) { [request] target in
            try await run(request, on: target, of: connection, output)
        }
    }

    private func start(
        _ request: ExecRequest,
        of connection: BrokerConnection,
        _ output: CommandOutput
    ) async throws -> ExitStatus {
        let command = try await connection.execDetached(request, on: try client.target(), call: change.options)
        if output.asJSON {
            var line = JSONLine()
            line.add("id", command.id)
            try await output.print(line)
        } else {
            try await output.print("\(command.id)")
        }
        return .success
    }

    private func run(
        _ request: ExecRequest,
        on target: BrokerTarget,
        of connection: BrokerConnection,
        _ output: CommandOutput
    ) async throws -> ExitStatus {
        try await connection.withExec(request, on: target) { session in
            try await withThrowingTaskGroup(of: Void.self) { group in
                if request.opensStandardInput {
                    group.addTask { try await Self.feed(session) }
                }
                let end = try await output.asJSON ? collect(session, output) : output.pass(session)
                // What is left of the input is no matter once the command has ended.
                group.cancelAll()
                while case .failure = await group.nextResult() {}
                return try CommandEnd.status(end, isQuiet: client.json)
            }
        }
    }

    /// A terminal belongs to whoever is in the foreground: reading it from the background stops the process.
    private static var hasStandardInput: Bool {
        isatty(0) == 0 || tcgetpgrp(0) == getpgrp()
    }

    private static func feed(_ session: CommandSession) async throws {
        // Input that cannot be read is at its end: a command that waits for more would wait for ever.
        defer { session.closeInput() }
        for try await piece in try Descriptor(0).contents { try await session.writeInput(piece) }
    }

    private func collect(_ session: CommandSession, _ output: CommandOutput) async throws -> ExecEnd? {
        let result = try await session.collect(maximumOutputLength: 32 << 20)
        let end = result.end
        var line = JSONLine()
        if let code = end.outcome.exitCode { line.add("exit_code", code) }
        if case .timedOut = end.outcome { line.add("timed_out", true) } else { line.add("timed_out", false) }
        line.add("isolation", result.isolation)
        line.add("stdout", orBase64: "stdout_base64", result.standardOutput.readableBytesView)
        line.add("stderr", orBase64: "stderr_base64", result.standardError.readableBytesView)
        line.add("stdout_bytes", result.standardOutputCount)
        line.add("stderr_bytes", result.standardErrorCount)
        line.add("wall_us", Int64(end.usage.wall / .microseconds(1)))
        try await output.print(line)
        return end
    }
}

/// A time such as 500ms, 5s or 2m.
struct TimeArgument: ExpressibleByArgument {
    let duration: Duration

    init?(argument: String) {
        guard let duration = try? Quantity.duration(argument), duration > .zero else { return nil }
        self.duration = duration
    }
}
