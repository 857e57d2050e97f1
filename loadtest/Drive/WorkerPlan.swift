/// What one generator is told at its start.
struct WorkerPlan: Codable {
    var scenario: Scenario
    /// Names the run, in all that it writes.
    var run: String
    /// Which of the scenario's processes it is.
    var index: Int
    var endpoint: Endpoint
    /// One of each org of the population, then one of each org of the noise.
    var tokens: [String]
    /// Its connections: those that are measured first.
    var places: [Place]

    struct Place: Codable, Equatable {
        /// An index of the tokens.
        var org: Int
        var isNoise = false
    }

    var mainConnections: Int { places.count { !$0.isNoise } }

    init(_ scenario: Scenario, run: String, index: Int, endpoint: Endpoint, tokens: [String]) {
        (self.scenario, self.run, self.index, self.endpoint, self.tokens) = (scenario, run, index, endpoint, tokens)
        func own(_ count: Int) -> [Int] { Array(stride(from: index, to: count, by: scenario.processes)) }
        let orgs = scenario.population.orgs
        places = own(scenario.connections).map { Place(org: $0 / scenario.processes % orgs) }
        if let noise = scenario.noise {
            places += own(noise.connections).map {
                Place(org: orgs + $0 / scenario.processes % noise.orgs, isNoise: true)
            }
        }
    }
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
