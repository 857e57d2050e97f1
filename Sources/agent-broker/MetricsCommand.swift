import AgentBackend
import ArgumentParser

/// Prints what goes with the metrics of a broker.
struct MetricsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics",
        abstract: "Print a dashboard of Grafana, or alert rules of Prometheus, for brokers.",
        discussion: """
            Prometheus scrapes /metrics of serve --http, with an operator's token or that of http.metrics_token_hash.
            """,
        subcommands: [Dashboard.self, Alerts.self]
    )

    struct Dashboard: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "dashboard",
            abstract: "Print a dashboard, to be imported in Grafana 10 or newer."
        )

        func run() async throws { try await MetricsCommand.print(PackageResources.dashboard_json) }
    }

    struct Alerts: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "alerts",
            abstract: "Print alert rules, a file for rule_files of Prometheus."
        )

        func run() async throws { try await MetricsCommand.print(PackageResources.alerts_yml) }
    }

    private static func print(_ file: [UInt8]) async throws {
        let status = await InterruptibleRun(asJSON: false).status {
            // It ends its last line itself.
            try await CommandOutput(asJSON: false).print(String(decoding: file.dropLast(), as: UTF8.self))
            return .success
        }
        throw ExitCode(status.rawValue)
    }
}
