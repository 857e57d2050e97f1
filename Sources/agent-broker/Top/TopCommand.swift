import AgentBackend
import ArgumentParser
import BrokerClient
import Glibc

/// Shows what goes on at a broker, at this terminal.
struct TopCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "Show what goes on at a broker, once a second: orgs, the commands that run, the entries.",
        discussion: """
            A token of an org shows that org, of keys that the token allows; an operator's all. Keys: q or Ctrl-C ends \
            it, j and k or the arrows choose a row, K kills the command or destroys the entry after a question, Tab \
            shows the other list, s sorts it otherwise. Without a terminal, with --once or with --json it prints what \
            there is and ends; with --json one object per org, command and entry, each with its kind.
            """
    )

    @OptionGroup var client: ClientOptions
    @Option(help: ArgumentHelp("With an operator's token: of this org alone.", valueName: "name"))
    var org: String?
    @Flag(help: "Print what there is once, and end.")
    var once = false

    static let terminationSignals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        guard !once, !output.asJSON, isatty(0) == 1, isatty(1) == 1 else {
            let sample = try await TopSample(of: connection, org: org, time: .zero)
            try await output.asJSON ? Self.printJSON(sample, output) : Self.print(sample, output)
            return .success
        }
        try await TopSession(connection, org: org, output).run()
        return .success
    }

    private static func print(_ sample: TopSample, _ output: CommandOutput) async throws {
        for list in [TopState.List.commands, .entries] {
            var state = TopState()
            if list == .entries { _ = state.pressed(.character("\t"), rows: []) }
            var lines = TopScreen(sample, since: nil, state, nil).lines.map(\.text)
            // What is above the list is said once.
            if list == .entries { lines.removeFirst((lines.firstIndex(of: "") ?? -1) + 1) }
            try await output.print(lines.joined(separator: "\n") + (list == .commands ? "\n" : ""))
        }
    }

    private static func printJSON(_ sample: TopSample, _ output: CommandOutput) async throws {
        var lines = LineOutput(output)
        for org in sample.orgs {
            var line = JSONLine()
            line.add("kind", "org")
            line.add("org", org.org)
            line.add("connections", org.connections)
            line.add("calls_ok", org.callsOK)
            line.add("calls_failed", org.callsFailed)
            line.add("calls_in_flight", org.callsInFlight)
            line.add("commands_running", org.execsRunning)
            try await lines.add(line)
        }
        for command in sample.commands {
            var line = JSONLine()
            line.add("kind", "command")
            line.add("org", command.org)
            line.add("key", command.key)
            line.add("number", command.number)
            line.add("command", command.command)
            line.add("background", command.isInBackground)
            line.add("started_ns", command.startedNanoseconds)
            line.add("stdout_bytes", command.written.standardOutput)
            line.add("stderr_bytes", command.written.standardError)
            try await lines.add(line)
        }
        for entry in sample.entries {
            var line = EntriesCommand.json(entry)
            line.add("kind", "entry")
            try await lines.add(line)
        }
        try await lines.flush()
    }
}
