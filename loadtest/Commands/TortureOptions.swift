internal import ArgumentParser

/// What the commands that torture a broker have in common.
struct TortureOptions: ParsableArguments {
    @OptionGroup var broker: BrokerOption

    @Option(help: "Verified calls, after the warm-up. Default: as said above.")
    var calls: Int?

    @Option(help: "Verified calls of the warm-up. Default: a quarter of the calls.")
    var warmup: Int?

    @Option(help: "Orgs.")
    var orgs = 8

    @Option(help: "Agents, with a connection each.")
    var agents = 64

    @Option(help: "Chooses what the agents do.")
    var seed: UInt64 = 1

    @Flag(help: "Print one JSON object.")
    var json = false

    /// Runs agents of that kind, prints what was found, and throws where something is not as it should be.
    func run<Agent: TortureAgent>(_ agent: Agent.Type, calls: Int) throws {
        let interrupts = try Interrupts()
        let calls = self.calls ?? calls
        let settings = TortureSettings(
            calls: calls,
            warmup: warmup ?? max(calls / 4, 1),
            orgs: orgs,
            agents: agents,
            seed: seed
        )
        try settings.validate()
        let report = try torture(agent, settings, interrupts)
        print(json ? try report.json() : report.text)
        if !report.faults.isEmpty { throw LoadFailure.failedCalls(report.faults.joined(separator: "; ")) }
    }

    private func torture<Agent: TortureAgent>(
        _: Agent.Type,
        _ settings: TortureSettings,
        _ interrupts: borrowing Interrupts
    ) throws(LoadFailure) -> TortureReport {
        let readers = (0..<settings.orgs).map { _ in BrokerCredential() }
        let operations = BrokerCredential()
        return try TemporaryDirectory.run("loadtest") { (directory) throws(LoadFailure) in
            let setup = try BrokerSetup(broker.path, in: directory, orgs: settings.orgs) { configuration in
                TortureSettings.configure(&configuration)
                for (org, reader) in readers.enumerated() {
                    configuration.orgs[org].tokens.append(.init(reader, read_only: true))
                }
                configuration.orgs.append(.init(name: "operations", tokens: [.init(operations, role: "operator")]))
            }
            var start = setup.start
            start.program.environment = MemoryLoad.environment
            return try start.run(interrupts) { (server) throws(LoadFailure) in
                try TortureRun<Agent>(
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
