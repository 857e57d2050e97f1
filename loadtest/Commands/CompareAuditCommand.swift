internal import ArgumentParser

struct CompareAuditCommand: ComparingCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare-audit",
        abstract: "Small writes with and without an audit log, in turn.",
        discussion: """
            Starts three brokers: without an audit log, with one that lets calls go on where it cannot be written, and \
            with one that refuses them then, for which each call waits for its record. Run it as root. A wrong or \
            missing answer makes the exit status 1.
            """
    )

    @OptionGroup var broker: BrokerOption
    @OptionGroup var comparison: ComparisonOptions

    func compare(_ interrupts: borrowing Interrupts) throws(LoadFailure) -> ComparisonReport {
        try TemporaryDirectory.run("loadtest") { (directory) throws(LoadFailure) in
            func setup(_ name: String, onFailure: String?) throws(LoadFailure) -> ServerStart {
                try BrokerSetup(broker.path, name: name, in: directory, orgs: 1) { configuration in
                    configuration.audit = onFailure.map { .init(on_failure: $0) }
                }.start
            }
            return try setup("no audit", onFailure: nil).run(interrupts) { (without) throws(LoadFailure) in
                try setup("audit gap", onFailure: "gap").run(interrupts) { (gap) throws(LoadFailure) in
                    try setup("audit refuse", onFailure: "refuse").run(interrupts) { (refuse) throws(LoadFailure) in
                        let audit = AuditComparison(without: without, audited: [gap, refuse])
                        return try comparison.run(audit.scenarios, interrupts)
                    }
                }
            }
        }
    }
}
