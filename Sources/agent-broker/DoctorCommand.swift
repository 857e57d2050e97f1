import AgentBackend
import ArgumentParser
import BrokerServer

/// Says what this host has of what a broker needs.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Try what a broker needs of this host, and say what does not work and what to do about it.",
        discussion: """
            To be run as the user that the broker will run as. It needs no broker and disturbs none. The status is 1 \
            where something is missing: a broker would not start, or could not do what its configuration asks. With \
            --json one object per line: mechanism, verdict (works, degraded or missing), found, advice.
            """
    )

    @Option(help: ArgumentHelp("The YAML configuration of the broker.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("Where the broker will keep everything.", valueName: "dir"))
    var root: String?

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let status = await InterruptibleRun(asJSON: json).status { [json, config, root] in
            var configuration = BrokerConfiguration()
            if let config { configuration = try ConfigurationSource(path: config).read().configuration }
            if let root { configuration.root = root }
            let findings = await HostExamination(configuration).findings()
            let output = try CommandOutput(asJSON: json)
            for finding in findings {
                if json {
                    var line = JSONLine()
                    line.add("mechanism", finding.mechanism)
                    line.add("verdict", finding.verdict.rawValue)
                    line.add("found", finding.found)
                    line.add("advice", finding.advice)
                    try await output.print(line)
                } else {
                    try await output.print(Self.text(finding))
                }
            }
            return findings.contains { $0.verdict == .missing } ? .failure : .success
        }
        throw ExitCode(status.rawValue)
    }

    private static func text(_ finding: HostFinding) -> String {
        let columns = [(finding.verdict.rawValue, 8), (finding.mechanism, 18)].map { text, width in
            text + String(repeating: " ", count: max(0, width - text.count))
        }
        let line = (columns + [finding.found]).joined(separator: "  ")
        guard !finding.advice.isEmpty else { return line }
        return line + "\n" + String(repeating: " ", count: 30) + "→ " + finding.advice
    }
}
