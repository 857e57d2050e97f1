internal import ArgumentParser

struct CompareGrowthCommand: ComparingCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare-growth",
        abstract: "What a call costs the broker while it holds much, beside while it holds little: row P14.",
        discussion: """
            Echo calls among few and many keys, connections and orgs in turn; the processor time of the broker counts. \
            Needs descriptors for \(GrowthComparison.connections.many) connections. A wrong or missing answer makes the \
            exit status 1; a missed target does not.
            """
    )

    @OptionGroup var broker: BrokerOption
    @OptionGroup var comparison: ComparisonOptions

    func compare(_ interrupts: borrowing Interrupts) throws(LoadFailure) -> ComparisonReport {
        try TemporaryDirectory.run("loadtest") { (directory) throws(LoadFailure) in
            try run("broker", orgs: GrowthComparison.orgs.few, in: directory, interrupts) {
                (broker) throws(LoadFailure) in
                try run("full", orgs: GrowthComparison.orgs.many, in: directory, interrupts) {
                    (full) throws(LoadFailure) in
                    let growth = GrowthComparison(broker: broker, full: full)
                    try growth.prepare(interrupts)
                    return try comparison.run(growth.scenarios, interrupts)
                }
            }
        }
    }

    private func run<Result>(
        _ name: String,
        orgs: Int,
        in directory: String,
        _ interrupts: borrowing Interrupts,
        _ body: (ServerProcess) throws(LoadFailure) -> Result
    ) throws(LoadFailure) -> Result {
        try BrokerSetup(
            broker.path,
            name: name,
            in: directory,
            orgs: orgs,
            configure: GrowthComparison.configure
        ).start.run(interrupts, body)
    }
}
