internal import ArgumentParser

struct CompareTransferCommand: ComparingCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare-transfer",
        abstract: "Files of a mebibyte, read and written, beside the limit program in turn: row P11.",
        discussion: """
            Both have their files on the same file system and write to a new file that takes the old one's place. A wrong \
            or missing answer makes the exit status 1; a missed target does not.
            """
    )

    @OptionGroup var programs: ProgramOptions
    @OptionGroup var comparison: ComparisonOptions

    func compare(_ interrupts: borrowing Interrupts) throws(LoadFailure) -> ComparisonReport {
        try TemporaryDirectory.run("loadtest") { (directory) throws(LoadFailure) in
            let limit = ServerStart.limit(programs.limitPath, files: directory, in: directory)
            return try limit.run(interrupts) { (limit) throws(LoadFailure) in
                try BrokerSetup(programs.brokerPath, in: directory).start.run(interrupts) {
                    (broker) throws(LoadFailure) in
                    let transfer = TransferComparison(limit: limit, broker: broker)
                    return try comparison.run(transfer.scenarios, interrupts)
                }
            }
        }
    }
}
