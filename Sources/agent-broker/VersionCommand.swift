import AgentBackend
import ArgumentParser
import BrokerServer

/// Says which version this is.
struct VersionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version",
        abstract: "Print the version.",
        discussion: "With --json one object: version."
    )

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let status = await InterruptibleRun(asJSON: json).status { [json] in
            let output = try CommandOutput(asJSON: json)
            guard json else {
                try await output.print("agent-broker \(BrokerVersion.current)")
                return .success
            }
            var line = JSONLine()
            line.add("version", BrokerVersion.current)
            try await output.print(line)
            return .success
        }
        throw ExitCode(status.rawValue)
    }
}
