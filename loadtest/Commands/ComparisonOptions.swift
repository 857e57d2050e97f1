internal import ArgumentParser
internal import FoundationEssentials

/// What the commands that compare for a time have in common.
struct ComparisonOptions: ParsableArguments {
    @OptionGroup var report: ReportOptions

    @Option(help: "How long each run measures.", transform: Duration.init(argument:))
    var duration: Duration = .seconds(2)

    @Option(help: "How long each run warms up.", transform: Duration.init(argument:))
    var warmup: Duration = .milliseconds(500)

    /// Runs the scenarios one after the other.
    func run(
        _ scenarios: [Comparison.Scenario],
        _ interrupts: borrowing Interrupts
    ) throws(LoadFailure) -> ComparisonReport {
        try report.run(scenarios, RunTime(warmup: warmup, duration: duration), interrupts)
    }

    func print(_ report: ComparisonReport) throws {
        try self.report.print(report)
    }
}

/// A command that compares for a time, and prints what it found.
protocol ComparingCommand: ParsableCommand {
    var comparison: ComparisonOptions { get }

    func compare(_ interrupts: borrowing Interrupts) throws(LoadFailure) -> ComparisonReport
}

extension ComparingCommand {
    func run() throws {
        let interrupts = try Interrupts()
        try comparison.print(try compare(interrupts))
    }
}

/// What all commands that compare have in common.
struct ReportOptions: ParsableArguments {
    @Option(help: "Runs of each contestant.")
    var rounds = 5

    @Flag(help: "Print one JSON object, with the figures of every run.")
    var json = false

    func validate() throws {
        guard (1...1000).contains(rounds) else { throw ValidationError("--rounds: 1 to 1000") }
    }

    /// Runs the scenarios one after the other.
    func run(
        _ scenarios: [Comparison.Scenario],
        _ time: RunTime,
        _ interrupts: borrowing Interrupts
    ) throws(LoadFailure) -> ComparisonReport {
        let comparison = Comparison(rounds: rounds, time: time)
        var report = ComparisonReport(scenarios: [])
        for scenario in scenarios {
            report.scenarios.append(try comparison.run(scenario, interrupts, progress: Self.tell))
        }
        return report
    }

    func print(_ report: ComparisonReport) throws {
        Swift.print(json ? try report.json() : report.text)
    }

    private static func tell(_ line: String) {
        var standardError = StandardError()
        Swift.print(line, to: &standardError)
    }
}

/// Where the broker is.
struct BrokerOption: ParsableArguments {
    @Option(help: "Path of agent-broker. Default: beside this program.")
    var broker: String?

    var path: String { broker ?? Sibling.path("agent-broker") }
}

/// Where the broker and the limit program are.
struct ProgramOptions: ParsableArguments {
    @OptionGroup var broker: BrokerOption

    @Option(help: "Path of limit-echo. Default: beside this program.")
    var limit: String?

    var brokerPath: String { broker.path }
    var limitPath: String { limit ?? Sibling.path("limit-echo") }
}

/// Where the peers in Python are.
struct PeerOptions: ParsableArguments {
    @Option(help: "Python with the peers: python3 -m venv V; V/bin/pip install -r loadtest/peers/requirements.txt")
    var python: String

    @Option(help: "Folder of the programs that drive them.")
    var peers = "loadtest/peers"

    var pythonPeers: PythonPeers { PythonPeers(python: python, drivers: peers) }
}

/// Programs that were built together with this one.
enum Sibling {
    static func path(_ name: String) -> String {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        guard let slash = own.lastIndex(of: "/") else { return name }
        return own[...slash] + name
    }
}
