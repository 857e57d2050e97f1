internal import ArgumentParser

struct CompareFairnessCommand: ComparingCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare-fairness",
        abstract: "Commands of an org, alone and while another org floods the broker, in turn.",
        discussion: """
            Starts a broker with few slots for commands. An org makes one call after the other; in every second run \
            another org has 10,000 calls waiting. Measure for 10 s or more: a call takes a fifth of a second. A wrong \
            or missing answer makes the exit status 1; a missed target does not.
            """
    )

    @OptionGroup var broker: BrokerOption
    @OptionGroup var comparison: ComparisonOptions

    func compare(_ interrupts: borrowing Interrupts) throws(LoadFailure) -> ComparisonReport {
        try TemporaryDirectory.run("loadtest") { (directory) throws(LoadFailure) in
            let setup = try BrokerSetup(broker.path, in: directory) { configuration in
                configuration.exec = .init(max_running: FairnessComparison.slots)
                // Longer than any measurement.
                configuration.limits = .init(queue_timeout: "1h")
            }
            return try setup.start.run(interrupts) { (broker) throws(LoadFailure) in
                try comparison.run([FairnessComparison.scenario(broker)], interrupts)
            }
        }
    }
}
