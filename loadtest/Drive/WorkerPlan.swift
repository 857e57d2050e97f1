/// What one generator is told at its start.
struct WorkerPlan: Codable {
    var scenario: Scenario
    /// Names the run, in all that it writes.
    var run: String
    /// Which of the scenario's generators it is.
    var index: Int
    var endpoint: Endpoint
    /// One of each org of the population, then one of each org of the noise.
    var tokens: [String]
    /// The org of each of its connections: an index of the tokens.
    var orgs: [Int]
    /// It makes the scenario's noise, and nothing else: what is measured does not wait for what it does.
    let isNoise: Bool

    init(_ scenario: Scenario, run: String, index: Int, endpoint: Endpoint, tokens: [String]) {
        (self.scenario, self.run, self.index, self.endpoint, self.tokens) = (scenario, run, index, endpoint, tokens)
        let population = scenario.population.orgs
        isNoise = index >= scenario.processes
        if let noise = scenario.noise, isNoise {
            orgs = (0..<noise.connections).map { population + $0 % noise.orgs }
        } else {
            orgs = stride(from: index, to: scenario.connections, by: scenario.processes).map {
                $0 / scenario.processes % population
            }
        }
    }

    /// Its part of the scenario's population: what keys are its own.
    var share: (index: Int, count: Int) { isNoise ? (0, 1) : (index, scenario.processes) }
    var mix: [CallKind: Double] { isNoise ? scenario.noise?.mix ?? scenario.mix : scenario.mix }
    var depth: Int { isNoise ? scenario.noise?.depth ?? scenario.depth : scenario.depth }
}

/// How a stage goes, for the person at the terminal.
struct StageProgress: Codable {
    var name: String
    var seconds: Double
    var answered: Int
    var failed: Int
    var p99Microseconds: Double

    init(_ name: String, seconds: Double, _ tally: StageTally) {
        (self.name, self.seconds, answered) = (name, seconds, tally.answered)
        failed = tally.errors.values.reduce(0, +) + tally.lost + tally.overruns
        p99Microseconds = Double(tally.all.percentile(99)) / 1000
    }
}

extension Endpoint: Codable {
    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let endpoint = Endpoint(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "\(text) is no address")
        }
        self = endpoint
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
