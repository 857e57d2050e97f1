import AgentBackend
import ArgumentParser
import BrokerClient

/// Prints the connections of a broker.
struct ConnectionsCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "connections",
        abstract: "Print the connections of the token's org, or, with an operator's, of all.",
        discussion: """
            CALLS are unanswered; those of them that wait for their turn in a lane, for an entry or for credit of the \
            client's are WAITING. IN and OUT are bytes. With --json one object per line: number, org, token, token_id, \
            client, peer, age_ms, calls_in_flight, calls_waiting, bytes_in, bytes_out.
            """
    )

    @OptionGroup var client: ClientOptions
    @Option(help: ArgumentHelp("With an operator's token: of this org alone.", valueName: "name"))
    var org: String?

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        if output.asJSON {
            var lines = LineOutput(output)
            for try await info in connection.connections(of: org) { try await lines.add(Self.json(info)) }
            try await lines.flush()
        } else {
            let titles = ["NUMBER", "ORG", "TOKEN", "CLIENT", "PEER", "AGE", "CALLS", "WAITING", "IN", "OUT"]
            var table = TableOutput(output, titles)
            for try await info in connection.connections(of: org) { try await table.add(Self.row(info)) }
            try await table.flush()
        }
        return .success
    }

    private static func row(_ info: BrokerConnectionInfo) -> [String] {
        [
            "\(info.number)", info.org, info.tokenName.isEmpty ? info.tokenID : info.tokenName, info.clientName,
            info.peer, ShortTime(duration: info.age).text, "\(info.callsInFlight)", "\(info.callsWaiting)",
            "\(info.bytesIn)", "\(info.bytesOut)",
        ]
    }

    private static func json(_ info: BrokerConnectionInfo) -> JSONLine {
        var line = JSONLine()
        line.add("number", info.number)
        line.add("org", info.org)
        line.add("token", info.tokenName)
        line.add("token_id", info.tokenID)
        line.add("client", info.clientName)
        line.add("peer", info.peer)
        line.add("age_ms", info.age.inMilliseconds)
        line.add("calls_in_flight", info.callsInFlight)
        line.add("calls_waiting", info.callsWaiting)
        line.add("bytes_in", info.bytesIn)
        line.add("bytes_out", info.bytesOut)
        return line
    }
}
