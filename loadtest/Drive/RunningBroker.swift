/// A broker that a run has started, and may start again. Used by one thread.
final class RunningBroker {
    let setup: BrokerSetup
    let operatorToken: String
    private(set) var child: ChildProcess
    let endpoint: Endpoint

    private init(_ setup: BrokerSetup, operatorToken: String, _ interrupts: borrowing Interrupts) throws(LoadFailure) {
        self.setup = setup
        self.operatorToken = operatorToken
        child = try ChildProcess(setup.start.program)
        do throws(LoadFailure) {
            endpoint = try setup.start.endpoint(child.firstLine(within: ServerStart.patience, interrupts))
        } catch {
            child.end()
            throw error
        }
    }

    /// Starts one as the scenario wants it, and ends it after `body`.
    static func run<Result>(
        _ executable: String,
        for scenario: Scenario,
        in directory: String,
        _ interrupts: borrowing Interrupts,
        _ body: (RunningBroker) throws(LoadFailure) -> Result
    ) throws(LoadFailure) -> Result {
        let operations = BrokerCredential()
        let orgs = scenario.population.orgs + (scenario.noise?.orgs ?? 0)
        let setup = try BrokerSetup(executable, in: directory, orgs: orgs, settings: scenario.broker) { configuration in
            // So that what entries hold is given back soon after the last call, and can be looked for.
            configuration.pool = .init(idle_timeout: "5s", cleanup_interval: "500ms")
            configuration.orgs.append(.init(name: "operations", tokens: [.init(operations, role: "operator")]))
        }
        let broker = try RunningBroker(setup, operatorToken: operations.token, interrupts)
        defer { broker.child.end() }
        return try body(broker)
    }

    /// Ends it as an operator would, and starts it at the same address.
    func restart(_ interrupts: borrowing Interrupts) throws(LoadFailure) {
        child.end()
        child = try ChildProcess(setup.start(listeningOn: endpoint).program)
        _ = try child.firstLine(within: ServerStart.patience, interrupts)
    }
}
