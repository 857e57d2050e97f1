internal import ArgumentParser

struct CompareStartCommand: ComparingCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare-start",
        abstract: "From the start of the broker's process to its first answer: first half of row P13.",
        discussion: """
            Starts and ends the broker again and again, on a root that it has used before and on a new one, and the \
            limit program, in turn. A wrong or missing answer makes the exit status 1; a missed target does not.
            """
    )

    @OptionGroup var programs: ProgramOptions
    @OptionGroup var comparison: ComparisonOptions

    func compare(_ interrupts: borrowing Interrupts) throws(LoadFailure) -> ComparisonReport {
        try TemporaryDirectory.run("loadtest") { (directory) throws(LoadFailure) in
            let start = StartComparison(
                broker: try BrokerSetup(programs.brokerPath, in: directory),
                limit: .limit(programs.limitPath, in: directory)
            )
            return try comparison.run([start.scenario], interrupts)
        }
    }
}
