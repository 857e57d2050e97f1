internal import ArgumentParser

struct TortureMixedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "torture-mixed",
        abstract: "A million calls of all kinds, every answer checked, and what the broker has left of them.",
        discussion: """
            Echo, files, memory, leases and commands of many agents in several orgs, with calls that are cancelled or \
            late, connections that are dropped, and wrong tokens. Then the broker has to have as many descriptors, \
            processes, mounts, cgroups and temporary files as after the warm-up, and hardly more memory. Run it as \
            root, so that the broker works as the orgs' users. A wrong answer, or anything left, makes the exit status 1.
            """
    )

    @OptionGroup var broker: BrokerOption

    @Option(help: "Verified calls, after the warm-up.")
    var calls = MixedSettings().calls

    @Option(help: "Verified calls of the warm-up.")
    var warmup = MixedSettings().warmup

    @Option(help: "Orgs.")
    var orgs = MixedSettings().orgs

    @Option(help: "Agents, with a connection each.")
    var agents = MixedSettings().agents

    @Option(help: "Chooses what the agents do.")
    var seed = MixedSettings().seed

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        let interrupts = try Interrupts()
        let settings = MixedSettings(calls: calls, warmup: warmup, orgs: orgs, agents: agents, seed: seed)
        try settings.validate()
        let report = try torture(settings, interrupts)
        print(json ? try report.json() : report.text)
        if !report.faults.isEmpty { throw LoadFailure.failedCalls(report.faults.joined(separator: "; ")) }
    }

    private func torture(
        _ settings: MixedSettings,
        _ interrupts: borrowing Interrupts
    ) throws(LoadFailure) -> MixedReport {
        let readers = (0..<settings.orgs).map { _ in BrokerCredential() }
        let operations = BrokerCredential()
        return try TemporaryDirectory.run("loadtest") { (directory) throws(LoadFailure) in
            let setup = try BrokerSetup(broker.path, in: directory, orgs: settings.orgs) { configuration in
                MixedSettings.configure(&configuration)
                for (org, reader) in readers.enumerated() {
                    configuration.orgs[org].tokens.append(.init(reader, read_only: true))
                }
                configuration.orgs.append(.init(name: "operations", tokens: [.init(operations, role: "operator")]))
            }
            var start = setup.start
            start.program.environment = MemoryLoad.environment
            return try start.run(interrupts) { (server) throws(LoadFailure) in
                try MixedRun(
                    settings: settings,
                    server: server,
                    root: setup.root,
                    tokens: zip(setup.tokens, readers).map { .init(agent: $0, readOnly: $1.token) },
                    operatorToken: operations.token,
                    interrupts: interrupts.descriptor
                ).runToEnd()
            }
        }
    }
}
