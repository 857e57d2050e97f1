internal import ArgumentParser

struct CompareBystanderCommand: ComparingCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare-bystander",
        abstract: "Echoes of an org, alone and while another org searches what is expensive to search, in turn.",
        discussion: """
            What is searched: lines with a pattern that backtracks for ever, a file of 2 GiB, and a file that grows \
            meanwhile. Run it as root; needs 3 GiB of disk in the temporary directory. A wrong or missing answer makes \
            the exit status 1; a missed target does not.
            """
    )

    @OptionGroup var broker: BrokerOption
    @OptionGroup var comparison: ComparisonOptions

    func compare(_ interrupts: borrowing Interrupts) throws(LoadFailure) -> ComparisonReport {
        try TemporaryDirectory.run("loadtest") { (directory) throws(LoadFailure) in
            try BrokerSetup(broker.path, in: directory).start.run(interrupts) { (server) throws(LoadFailure) in
                let bystander = BystanderComparison(broker: server)
                try bystander.prepare()
                return try comparison.run([bystander.scenario], interrupts)
            }
        }
    }
}
