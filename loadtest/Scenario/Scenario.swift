/// A load on a broker, and what has to come of it, as a file of `loadtest/scenarios` has it. The README has a table of all
/// keys. Encoded, it is read back as the same.
struct Scenario: Equatable {
    var name: String
    /// What it is for, in a line or two.
    var about: String
    /// Chooses what is called when: the same number, the same choices.
    var seed: UInt64 = 1
    /// Of the load generator, which share connections and keys. The noise has another.
    var processes = 1
    /// Of all orgs together; each belongs to one.
    var connections = 8
    /// Calls of one connection that are sent and not answered; others wait in the generator meanwhile.
    var depth = 64
    var population = Population()
    /// Kinds of calls, with their weights.
    var mix: [CallKind: Double]
    /// Other calls, of orgs of their own, in the stages that ask for them; they are not measured.
    var noise: Noise?
    var stages: [Stage]
    var checks: [Check] = []
    /// Calls may fail with these codes, and connections may be lost, where it is so. No answer may ever be wrong.
    var allowedErrors: [String] = []
    var allowsLostConnections = false
    var limits = Limits()
    /// Merged over the configuration of a broker that is started for it.
    var broker: JSONValue?

    /// Orgs, keys and files that are called.
    struct Population: Equatable {
        var backend = LoadBackend.local
        var orgs = 2
        /// Of each org.
        var keys = 10
        var distribution = KeyDistribution.uniform
        /// Of each key.
        var files = 8
        /// Of files and payloads, with their weights.
        var sizes = [SizeShare(size: ByteCount(bytes: 4096), weight: 1)]
    }

    struct SizeShare: Codable, Equatable {
        var size: ByteCount
        var weight: Double
    }

    struct Noise: Equatable {
        var orgs = 1
        var connections = 8
        /// Calls of each connection that are unanswered, always.
        var depth = 16
        var mix: [CallKind: Double]
    }

    /// After so long, or so many calls of one stage, the run ends, whatever its stages say: with a fault.
    struct Limits: Equatable {
        var duration = TimeSpan.seconds(3600)
        var calls = 100_000_000
        /// Calls that are due and not answered, of each process: one more is not made, and counted.
        var unanswered = 100_000
    }
}

extension Scenario {
    /// Processes that make calls: the noise's is the last.
    var generators: Int { processes + (noise == nil ? 0 : 1) }

    /// Entries that stay although nobody uses them: those in memory, which are their users' state.
    var lastingEntries: Int {
        guard population.backend == .memory else { return 0 }
        let touched = stages.reduce(0) { count, stage in
            if case .touch(let keys) = stage.load { count + keys } else { count }
        }
        return (population.orgs + (noise?.orgs ?? 0)) * population.keys + touched
    }
}

extension Scenario: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case name, about, seed, processes, connections, depth, population, mix, noise, stages, checks, limits, broker
        case allowedErrors = "allowed_errors"
        case allowsLostConnections = "allows_lost_connections"
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.strictContainer(CodingKeys.self)
        name = try container.decode(String.self, forKey: .name)
        about = try container.decode(String.self, forKey: .about)
        seed = try container.decode(.seed, or: 1)
        processes = try container.decode(.processes, or: 1)
        connections = try container.decode(.connections, or: 8)
        depth = try container.decode(.depth, or: 64)
        population = try container.decode(.population, or: Population())
        mix = try CallKind.mix(try container.decode([String: Double].self, forKey: .mix))
        noise = try container.decodeIfPresent(Noise.self, forKey: .noise)
        stages = try container.decode([Stage].self, forKey: .stages)
        checks = try container.decode(.checks, or: [])
        allowedErrors = try container.decode(.allowedErrors, or: [])
        allowsLostConnections = try container.decode(.allowsLostConnections, or: false)
        limits = try container.decode(.limits, or: Limits())
        broker = try container.decodeIfPresent(JSONValue.self, forKey: .broker)
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(name, forKey: .name)
        try container.encode(about, forKey: .about)
        try container.encode(seed, forKey: .seed)
        try container.encode(processes, forKey: .processes)
        try container.encode(connections, forKey: .connections)
        try container.encode(depth, forKey: .depth)
        try container.encode(population, forKey: .population)
        try container.encode(CallKind.named(mix), forKey: .mix)
        try container.encodeIfPresent(noise, forKey: .noise)
        try container.encode(stages, forKey: .stages)
        try container.encode(checks, forKey: .checks)
        try container.encode(allowedErrors, forKey: .allowedErrors)
        try container.encode(allowsLostConnections, forKey: .allowsLostConnections)
        try container.encode(limits, forKey: .limits)
        try container.encodeIfPresent(broker, forKey: .broker)
    }
}

extension Scenario.Population: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable { case backend, orgs, keys, distribution, files, sizes }

    init(from decoder: any Decoder) throws {
        let container = try decoder.strictContainer(CodingKeys.self)
        backend = try container.decode(.backend, or: backend)
        orgs = try container.decode(.orgs, or: orgs)
        keys = try container.decode(.keys, or: keys)
        distribution = try container.decode(.distribution, or: distribution)
        files = try container.decode(.files, or: files)
        sizes = try container.decode(.sizes, or: sizes)
    }
}

extension Scenario.Noise: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable { case orgs, connections, depth, mix }

    init(from decoder: any Decoder) throws {
        let container = try decoder.strictContainer(CodingKeys.self)
        orgs = try container.decode(.orgs, or: orgs)
        connections = try container.decode(.connections, or: connections)
        depth = try container.decode(.depth, or: depth)
        mix = try CallKind.mix(try container.decode([String: Double].self, forKey: .mix))
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(orgs, forKey: .orgs)
        try container.encode(connections, forKey: .connections)
        try container.encode(depth, forKey: .depth)
        try container.encode(CallKind.named(mix), forKey: .mix)
    }
}

extension Scenario.Limits: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable { case duration, calls, unanswered }

    init(from decoder: any Decoder) throws {
        let container = try decoder.strictContainer(CodingKeys.self)
        duration = try container.decode(.duration, or: duration)
        calls = try container.decode(.calls, or: calls)
        unanswered = try container.decode(.unanswered, or: unanswered)
    }
}
