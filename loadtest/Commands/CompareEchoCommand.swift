internal import ArgumentParser
internal import FoundationEssentials

struct CompareEchoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare-echo",
        abstract: "Echo calls against the broker and the limit program in turn: rows P1 and P2.",
        discussion: """
            Starts both, alternates the runs, and prints the medians of all rounds and the ratio of each round's \
            pair. A wrong or missing answer makes the exit status 1; a missed target does not.
            """
    )

    @Option(help: "Path of agent-broker. Default: beside this program.")
    var broker: String?

    @Option(help: "Path of limit-echo. Default: beside this program.")
    var limit: String?

    @Option(help: "Runs of each program for each row.")
    var rounds = 5

    @Option(help: "How long each run measures.", transform: Duration.init(argument:))
    var duration: Duration = .seconds(2)

    @Option(help: "How long each run warms up.", transform: Duration.init(argument:))
    var warmup: Duration = .milliseconds(500)

    @Flag(help: "Print one JSON object, with the figures of every run.")
    var json = false

    @Flag(help: ArgumentHelp("Run limit-echo in place of the broker as well.", visibility: .hidden))
    var limitAsBroker = false

    func validate() throws {
        guard (1...1000).contains(rounds) else { throw ValidationError("--rounds: 1 to 1000") }
    }

    func run() throws {
        let interrupts = try Interrupts()
        let report = try compare(interrupts)
        print(json ? try report.json() : report.text)
    }

    private func compare(_ interrupts: borrowing Interrupts) throws(LoadFailure) -> EchoComparisonReport {
        let comparison = EchoComparison(rounds: rounds, duration: duration, warmup: warmup)
        return try TemporaryDirectory.run("loadtest") { (directory) throws(LoadFailure) in
            try withLimit(in: directory, interrupts) { (limit) throws(LoadFailure) in
                try withBroker(in: directory, interrupts) { (broker) throws(LoadFailure) in
                    try comparison.run(limit: limit, broker: broker, interrupts, progress: Self.tell)
                }
            }
        }
    }

    private func withLimit<Result>(
        in directory: String,
        _ interrupts: borrowing Interrupts,
        _ body: (EchoServer) throws(LoadFailure) -> Result
    ) throws(LoadFailure) -> Result {
        try EchoServer.withLimit(limit ?? Self.sibling("limit-echo"), in: directory, interrupts, body)
    }

    private func withBroker<Result>(
        in directory: String,
        _ interrupts: borrowing Interrupts,
        _ body: (EchoServer) throws(LoadFailure) -> Result
    ) throws(LoadFailure) -> Result {
        if limitAsBroker { return try withLimit(in: directory, interrupts, body) }
        return try EchoServer.withBroker(broker ?? Self.sibling("agent-broker"), in: directory, interrupts, body)
    }

    private static func sibling(_ name: String) -> String {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        guard let slash = own.lastIndex(of: "/") else { return name }
        return own[...slash] + name
    }

    private static func tell(_ line: String) {
        var standardError = StandardError()
        print(line, to: &standardError)
    }
}
