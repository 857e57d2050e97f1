internal import ArgumentParser
internal import FoundationEssentials

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Runs a scenario of loadtest/scenarios, or of a file, against a broker.",
        discussion: """
            Starts a broker of its own, unless --address names one that runs. Every answer is checked; afterwards its own \
            broker has to have no more descriptors, processes, mounts, cgroups and temporary files than before. A wrong, \
            failed or missing answer, anything left, and a check of the scenario that is not met make the exit status 1. \
            Run it as root, so that the broker works as the orgs' users.
            """
    )

    @Argument(help: "Name of a scenario, or path of its file.")
    var scenario: String

    @Option(help: "Folder of the scenarios.")
    var scenarios = "loadtest/scenarios"

    @OptionGroup var broker: BrokerOption

    @Option(help: "HOST:PORT or unix:PATH of a broker that runs.", transform: Endpoint.init(argument:))
    var address: Endpoint?

    @Option(help: "With --address: a token of each org of the scenario, those of its noise last.")
    var token: [String] = []

    @Option(help: "With --address: the broker's process, whose processor time and memory are told.")
    var pid: Int32?

    @Option(help: "Only this stage. Several may be named.")
    var stage: [String] = []

    @Option(help: "Instead of the duration of each stage.", transform: TimeSpan.init(argument:))
    var duration: TimeSpan?

    @Option(help: "Instead of the rate of each stage of an open loop.")
    var rate: Double?

    @Option(help: "Instead of the scenario's processes of the generator.")
    var processes: Int?

    @Option(help: "Instead of the scenario's seed.")
    var seed: UInt64?

    @Option(help: "Runs, one after the other, for `loadtest compare`.")
    var `repeat` = 1

    @Option(help: "Folder for report.html, report.json and latencies of each stage as .hgrm.")
    var out: String?

    @Flag(help: "Only right answers and leaks count, and not how fast it is.")
    var noChecks = false

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        guard (1...100).contains(`repeat`) else { throw ValidationError("--repeat: 1 to 100") }
        guard address != nil || token.isEmpty && pid == nil else {
            throw ValidationError("--token and --pid belong to --address")
        }
    }

    func run() throws {
        let interrupts = try Interrupts()
        let scenario = try chosen()
        var set = RunSet(runs: [])
        for _ in 0..<`repeat` { set.runs.append(try run(scenario, interrupts)) }
        if let out { try set.write(to: out) }
        print(json ? try set.json() : set.runs.map(\.text).joined(separator: "\n\n"))
        let faults = set.runs.flatMap(\.faults)
        if !faults.isEmpty { throw LoadFailure.failedCalls(faults.joined(separator: "; ")) }
    }

    private func run(_ scenario: Scenario, _ interrupts: borrowing Interrupts) throws(LoadFailure) -> RunReport {
        try TemporaryDirectory.run("loadtest") { (directory) throws(LoadFailure) in
            func run(_ target: RunTarget) throws(LoadFailure) -> RunReport {
                try ScenarioRun.run(
                    scenario,
                    against: target,
                    in: directory,
                    withChecks: !noChecks,
                    ProgressLine(),
                    interrupts
                )
            }
            if let address {
                let orgs = scenario.population.orgs + (scenario.noise?.orgs ?? 0)
                guard token.count == orgs else {
                    throw .settings("the scenario has \(orgs) orgs: give as many --token")
                }
                return try run(.running(address, tokens: token, pid: pid))
            }
            return try RunningBroker.run(broker.path, for: scenario, in: directory, interrupts) {
                (broker) throws(LoadFailure) in
                try run(.own(broker))
            }
        }
    }

    /// The scenario, with what the options say instead.
    private func chosen() throws(LoadFailure) -> Scenario {
        let isPath = scenario.contains("/") || scenario.hasSuffix(".yaml")
        var chosen = try Scenario(path: isPath ? scenario : "\(scenarios)/\(scenario).yaml")
        if !stage.isEmpty {
            let names = chosen.stages.map(\.name)
            if let unknown = stage.first(where: { !names.contains($0) }) {
                throw .settings("there is no stage \(unknown): there are \(names)")
            }
            chosen.stages.removeAll { !stage.contains($0.name) }
            let left = Set(chosen.stages.map(\.name))
            chosen.checks.removeAll { !left.contains($0.of) || !($0.by.map(left.contains) ?? true) }
        }
        for index in chosen.stages.indices {
            if let duration { chosen.stages[index].duration = duration }
            if let rate, case .open(_, _, _, let arrivals) = chosen.stages[index].load {
                let rate = Rate.perSecond(rate)
                chosen.stages[index].load = .open(from: rate, to: rate, steps: 0, arrivals: arrivals)
            }
        }
        if let processes { chosen.processes = processes }
        if let seed { chosen.seed = seed }
        try chosen.validate()
        return chosen
    }
}

/// One of the processes that ``RunCommand`` starts.
struct RunGeneratorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run-generator",
        abstract: "Makes the calls of a run, as its standard input says.",
        shouldDisplay: false
    )

    func run() throws {
        try Worker(channel: LineChannel(0)).run()
    }
}

extension TimeSpan {
    init(argument text: String) throws {
        guard let span = TimeSpan(text) else {
            throw ValidationError("\(text) is no length of time: write 500ms, 5s or 2m")
        }
        self = span
    }
}
