import AgentBackend
import ArgumentParser
import BrokerClient
import Glibc

/// Sends a signal to a command in the background.
struct KillCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "kill",
        abstract: "Send a signal to every process of a command in the background.",
        discussion: "Of one that has ended: nothing happens."
    )

    @OptionGroup var client: ClientOptions
    @Option(name: .shortAndLong, help: "A name such as TERM, INT or KILL, or a number.")
    var signal = SignalArgument(number: SIGTERM)
    @Argument(help: "As exec --detach and ps print it.")
    var id: UInt64

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        try await connection.backgroundCommand(id, on: try client.target()).signal(signal.number)
        return .success
    }
}

/// A signal by its name, with or without SIG, or by its number.
struct SignalArgument: ExpressibleByArgument {
    let number: Int32

    private static let names: [String: Int32] = [
        "HUP": SIGHUP, "INT": SIGINT, "QUIT": SIGQUIT, "KILL": SIGKILL, "USR1": SIGUSR1, "USR2": SIGUSR2,
        "PIPE": SIGPIPE, "ALRM": SIGALRM, "TERM": SIGTERM, "CONT": SIGCONT, "STOP": SIGSTOP, "TSTP": SIGTSTP,
        "WINCH": SIGWINCH,
    ]

    init(number: Int32) {
        self.number = number
    }

    init?(argument: String) {
        let name = argument.uppercased()
        if let number = Self.names[name.hasPrefix("SIG") ? String(name.dropFirst(3)) : name] {
            self.number = number
        } else if let number = Int32(argument), (1...64).contains(number) {
            self.number = number
        } else {
            return nil
        }
    }

    var defaultValueDescription: String { Self.names.first { $0.value == number }?.key ?? "\(number)" }
}
