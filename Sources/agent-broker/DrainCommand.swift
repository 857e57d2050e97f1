import AgentBackend
import ArgumentParser
import BrokerClient

/// Ends the broker in order.
struct DrainCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain",
        abstract: "End the broker in order, and print what became of the calls in flight.",
        discussion: """
            It accepts nothing more, calls in flight get its drain timeout to end in, and it exits. Needs an operator's \
            token. One name and value per line; with --json one object with the same names: connections, finished, \
            cancelled, abandoned.
            """
    )

    @OptionGroup var client: ClientOptions

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        let report = try await connection.drain()
        let numbers: [(StaticString, UInt64)] = [
            ("connections", UInt64(report.connections)), ("finished", report.finished),
            ("cancelled", report.cancelled), ("abandoned", report.abandoned),
        ]
        guard output.asJSON else {
            try await output.print(numbers.map { "\($0) \($1)" }.joined(separator: "\n"))
            return .success
        }
        var line = JSONLine()
        for (name, number) in numbers { line.add(name, number) }
        try await output.print(line)
        return .success
    }
}
