internal import ArgumentParser

struct CompareExecCommand: ComparingCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare-exec",
        abstract: "Commands through the broker, beside a bare spawn and its peers in turn: rows P8 to P10, P12, P13.",
        discussion: """
            bash -c 'echo hi' in the broker's sandboxes, by posix_spawn alone, in bubblewrap for each command, by the \
            seed and by swe-rex; echo calls while commands run; memory and first command of a sandbox. Run it as root, so \
            that the broker works as the orgs' users. A wrong or missing answer makes the exit status 1; a missed target \
            does not.
            """
    )

    @OptionGroup var broker: BrokerOption
    @OptionGroup var peers: PeerOptions

    @Option(help: "Path of limit-exec. Default: beside this program.")
    var limit: String?

    @Option(help: "Path of limit-echo. Default: beside this program.")
    var limitEcho: String?

    @Option(help: "Path of bubblewrap.")
    var bwrap = "/usr/bin/bwrap"

    @Option(help: "Row to measure, such as P8. Default: all.")
    var row: [String] = []

    @OptionGroup var comparison: ComparisonOptions

    func compare(_ interrupts: borrowing Interrupts) throws(LoadFailure) -> ComparisonReport {
        let python = peers.pythonPeers
        return try TemporaryDirectory.run("loadtest") { (directory) throws(LoadFailure) in
            try python.withSweRex(in: directory, interrupts) { (sweRex) throws(LoadFailure) in
                let peers = CommandPeers(
                    limit: limit ?? Sibling.path("limit-exec"),
                    bubblewrap: bwrap,
                    python: python,
                    sweRexServer: sweRex,
                    directory: directory
                )
                let sandboxes = SandboxComparison(
                    broker: try BrokerSetup(broker.path, name: "broker anew", in: directory),
                    peers: peers
                )
                var report = try compareExecs(peers, in: directory, interrupts)
                report.scenarios += try comparison.run(chosen(sandboxes.scenarios), interrupts).scenarios
                return report
            }
        }
    }

    private func compareExecs(
        _ peers: CommandPeers,
        in directory: String,
        _ interrupts: borrowing Interrupts
    ) throws(LoadFailure) -> ComparisonReport {
        let limit = ServerStart.limit(limitEcho ?? Sibling.path("limit-echo"), named: "limit-echo", in: directory)
        return try limit.run(interrupts) { (limit) throws(LoadFailure) in
            try BrokerSetup(broker.path, in: directory).start.run(interrupts) { (broker) throws(LoadFailure) in
                let execs = ExecComparison(broker: broker, limitEcho: limit, peers: peers)
                return try comparison.run(chosen(execs.scenarios), interrupts)
            }
        }
    }

    private func chosen(_ scenarios: [Comparison.Scenario]) -> [Comparison.Scenario] {
        scenarios.filter { scenario in row.isEmpty || scenario.questions.contains { row.contains($0.row) } }
    }
}
