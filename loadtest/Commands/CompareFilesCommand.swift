internal import ArgumentParser

struct CompareFilesCommand: ComparingCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare-files",
        abstract: "Files of 4 KiB through the broker, the limit program and its peers in turn: rows P4 to P6.",
        discussion: """
            Run it as root, so that the broker works as the orgs' users. Starts the servers, alternates the runs, and \
            prints the medians of all rounds and the ratios of each round. A wrong or missing answer makes the exit \
            status 1; a missed target does not.
            """
    )

    @OptionGroup var programs: ProgramOptions
    @OptionGroup var peers: PeerOptions
    @OptionGroup var comparison: ComparisonOptions

    func compare(_ interrupts: borrowing Interrupts) throws(LoadFailure) -> ComparisonReport {
        let peers = peers.pythonPeers
        return try TemporaryDirectory.run("loadtest") { (directory) throws(LoadFailure) in
            try peers.withSweRex(in: directory, interrupts) { (sweRex) throws(LoadFailure) in
                try ServerStart.limit(programs.limitPath, files: directory, in: directory).run(interrupts) {
                    (limit) throws(LoadFailure) in
                    try BrokerSetup(programs.brokerPath, in: directory).start.run(interrupts) {
                        (broker) throws(LoadFailure) in
                        let files = FilesComparison(
                            limit: limit,
                            broker: broker,
                            peers: peers,
                            directory: directory,
                            sweRexServer: sweRex
                        )
                        try files.prepare(interrupts)
                        return try comparison.run(files.scenarios, interrupts)
                    }
                }
            }
        }
    }
}
