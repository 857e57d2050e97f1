import AgentBackend
import ArgumentParser
import BrokerClient
import BrokerServer
import Glibc

/// A command that goes on when its connection to the broker is lost and made again.
protocol BackendCommand: AsyncParsableCommand, Sendable {
    var client: ClientOptions { get }

    /// Does it.
    func run(_ backend: RemoteFilesystemBackend, _ output: CommandOutput) async throws -> ExitStatus
}

extension BackendCommand {
    func run() async throws {
        let status = await InterruptibleRun(asJSON: client.json, endingAt: [SIGINT, SIGTERM]).status {
            let output = try CommandOutput(asJSON: client.json)
            return try await RemoteFilesystemBackend.withBackend(
                try client.backendConfiguration(clientName: "agent-broker")
            ) { backend in
                try await run(backend, output)
            }
        }
        throw ExitCode(status.rawValue)
    }
}

extension ClientOptions {
    /// Of a backend that is a view of what the options name.
    func backendConfiguration(clientName: String) throws -> RemoteFilesystemBackend.Configuration {
        let target = try target()
        var configuration = RemoteFilesystemBackend.Configuration(
            address: try resolvedAddress(),
            token: try resolvedToken(),
            target: target
        )
        configuration.connection.clientName = "\(clientName)/\(BrokerVersion.current)"
        configuration.connection.tls = try tls.resolved()
        return configuration
    }
}
