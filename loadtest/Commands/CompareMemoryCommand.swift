internal import ArgumentParser

struct CompareMemoryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare-memory",
        abstract: "Memory of the broker for idle connections and idle entries: row P12.",
        discussion: """
            Starts the broker anew for each run, has it hold so many of each after one call, and tells the bytes of each \
            one: the broker's own, and with them what the kernel keeps for it. Needs descriptors for all connections. \
            A wrong or missing answer makes the exit status 1; a missed target does not.
            """
    )

    @OptionGroup var programs: ProgramOptions

    @Option(help: "Connections, and entries of each backend.")
    var count = 10_000

    @OptionGroup var report: ReportOptions

    func validate() throws {
        guard (1000...LoadSettings.maximumConnections).contains(count) else {
            throw ValidationError("--count: 1000 to \(LoadSettings.maximumConnections)")
        }
    }

    func run() throws {
        let interrupts = try Interrupts()
        try report.print(try compare(interrupts))
    }

    private func compare(_ interrupts: borrowing Interrupts) throws(LoadFailure) -> ComparisonReport {
        try TemporaryDirectory.run("loadtest") { (directory) throws(LoadFailure) in
            let memory = MemoryComparison(
                broker: try BrokerSetup(programs.brokerPath, in: directory) {
                    MemoryComparison.configure(&$0, count: count)
                },
                limit: .limit(programs.limitPath, in: directory),
                count: count
            )
            return try report.run(memory.scenarios, RunTime(warmup: .zero, duration: .zero), interrupts)
        }
    }
}
