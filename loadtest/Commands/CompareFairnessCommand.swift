internal import ArgumentParser

struct CompareFairnessCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare-fairness",
        abstract: "Commands of an org, alone and while another org floods the broker, in turn.",
        discussion: """
            Starts a broker with few slots for commands. An org makes one call after the other; in every second run \
            another org has 10,000 calls waiting. Measure for 10 s or more: a call takes a fifth of a second. A wrong \
            or missing answer makes the exit status 1; a missed target does not.
            """
    )

    @Option(help: "Path of agent-broker. Default: beside this program.")
    var broker: String?

    @OptionGroup var comparison: ComparisonOptions

    func run() throws {
        let interrupts = try Interrupts()
        try comparison.print(try compare(interrupts))
    }

    private func compare(_ interrupts: borrowing Interrupts) throws(LoadFailure) -> ComparisonReport {
        let executable = broker ?? Sibling.path("agent-broker")
        return try TemporaryDirectory.run("loadtest") { (directory) throws(LoadFailure) in
            try ServerProcess.withBroker(
                executable,
                in: directory,
                maximumRunning: FairnessComparison.slots,
                interrupts
            ) { (broker) throws(LoadFailure) in
                try comparison.run([FairnessComparison.scenario(broker)], interrupts)
            }
        }
    }
}
