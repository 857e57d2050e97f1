internal import ArgumentParser

struct CompareEchoCommand: ComparingCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare-echo",
        abstract: "Echo calls against the broker and the limit program in turn: rows P1 and P2.",
        discussion: """
            Starts both, alternates the runs, and prints the medians of all rounds and the ratio of each round's \
            pair. A wrong or missing answer makes the exit status 1; a missed target does not.
            """
    )

    @OptionGroup var programs: ProgramOptions
    @OptionGroup var comparison: ComparisonOptions

    @Flag(help: ArgumentHelp("Run limit-echo in place of the broker as well.", visibility: .hidden))
    var limitAsBroker = false

    func compare(_ interrupts: borrowing Interrupts) throws(LoadFailure) -> ComparisonReport {
        try TemporaryDirectory.run("loadtest") { (directory) throws(LoadFailure) in
            try withLimit(named: "limit", in: directory, interrupts) { (limit) throws(LoadFailure) in
                try withBroker(in: directory, interrupts) { (broker) throws(LoadFailure) in
                    try comparison.run(EchoComparison.scenarios(limit: limit, broker: broker), interrupts)
                }
            }
        }
    }

    private func withLimit<Result>(
        named name: String,
        in directory: String,
        _ interrupts: borrowing Interrupts,
        _ body: (ServerProcess) throws(LoadFailure) -> Result
    ) throws(LoadFailure) -> Result {
        try ServerStart.limit(programs.limitPath, named: name, in: directory).run(interrupts, body)
    }

    private func withBroker<Result>(
        in directory: String,
        _ interrupts: borrowing Interrupts,
        _ body: (ServerProcess) throws(LoadFailure) -> Result
    ) throws(LoadFailure) -> Result {
        if limitAsBroker { return try withLimit(named: "limit again", in: directory, interrupts, body) }
        return try BrokerSetup(programs.brokerPath, in: directory).start.run(interrupts, body)
    }
}
