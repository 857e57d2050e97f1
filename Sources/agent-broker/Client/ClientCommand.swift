import AgentBackend
import ArgumentParser
import BrokerClient
import BrokerServer
import Glibc

/// A command that talks to a broker.
protocol ClientCommand: AsyncParsableCommand, Sendable {
    var client: ClientOptions { get }
    /// That ask for its end.
    static var terminationSignals: [Int32] { get }

    /// Does it, on a connection that lasts as long.
    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus
}

extension ClientCommand {
    static var terminationSignals: [Int32] { [SIGINT, SIGTERM] }

    func run() async throws {
        let status = await InterruptibleRun(asJSON: client.json, endingAt: Self.terminationSignals).status {
            try await connectAndRun()
        }
        throw ExitCode(status.rawValue)
    }

    private func connectAndRun() async throws -> ExitStatus {
        let output = try CommandOutput(asJSON: client.json)
        var configuration = BrokerConnection.Configuration()
        configuration.clientName = "agent-broker/\(BrokerVersion.current)"
        configuration.tls = try client.tls.resolved()
        return try await BrokerConnection.withConnection(
            to: try client.resolvedAddress(),
            token: try client.resolvedToken(),
            configuration: configuration
        ) { connection in
            try await run(connection, output)
        }
    }
}
