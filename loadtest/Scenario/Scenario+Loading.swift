internal import FoundationEssentials
internal import Yams

extension Scenario {
    /// Reads a scenario file. Throws with the place of what is wrong.
    init(path: String) throws(LoadFailure) {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw .settings("cannot read \(path): name a scenario of loadtest/scenarios, or give the path of a file")
        }
        try self.init(yaml: text, source: path)
    }

    /// - Parameter source: Named in errors.
    init(yaml text: String, source: String) throws(LoadFailure) {
        do {
            self = try YAMLDecoder().decode(Scenario.self, from: text)
        } catch let error as DecodingError {
            throw .settings("\(source): \(error.text)")
        } catch {
            throw .settings("\(source): \(error)")
        }
        do throws(LoadFailure) { try validate() } catch { throw .settings("\(source): \(error)") }
    }

    /// Throws for what cannot be run.
    func validate() throws(LoadFailure) {
        func require(_ isRight: Bool, _ text: String) throws(LoadFailure) {
            if !isRight { throw .settings(text) }
        }
        try require((1...16).contains(processes), "processes: 1 to 16")
        try require(
            (processes...LoadSettings.maximumConnections).contains(connections),
            "connections: \(LoadSettings.maximumConnections) at the most, and one for each process at the least"
        )
        try require((1...1024).contains(depth), "depth: 1 to 1024")
        try require((1...10_000).contains(population.orgs), "orgs: 1 to 10000")
        try require(
            population.orgs <= connections / processes,
            "orgs: each needs a connection of each process, and there are \(connections)"
        )
        try require((1...1_000_000).contains(population.keys), "keys: 1 to 1000000")
        try require((1...1000).contains(population.files), "files: 1 to 1000")
        let sizes = population.sizes.map(\.size.bytes)
        try require(
            !sizes.isEmpty && sizes.allSatisfy { (VersionedContents.minimumLength...1 << 20).contains($0) },
            "sizes: \(VersionedContents.minimumLength) bytes to 1MiB, which is the credit of a call"
        )
        try require(population.sizes.reduce(0) { $0 + $1.weight } > 0, "sizes: at least one needs a weight")
        try require((population.sizes.map(\.weight).min() ?? 0) >= 0, "sizes: weights are not negative")
        if case .fresh = population.distribution {
            try require(
                !mix.contains { $0.key.needsFiles && $0.value > 0 },
                "fresh keys have no files: echo, write, run, sleep, missing"
            )
        }
        if population.backend == .memory {
            try require(
                mix.allSatisfy { [.echo, .read, .write, .stat].contains($0.key) || $0.value == 0 },
                "the memory backend is called with echo, read, write and stat"
            )
        }
        try require(!stages.isEmpty, "stages: at least one")
        try require(Set(stages.map(\.name)).count == stages.count, "stages: each needs a name of its own")
        for stage in stages {
            try require(stage.duration.nanoseconds > 0, "\(stage.name): duration: more than zero")
            try require(!stage.noise || noise != nil, "\(stage.name): the scenario has no noise")
            try require((0...1000).contains(stage.restarts), "\(stage.name): restarts: 0 to 1000")
            try require((0...10_000).contains(stage.churn), "\(stage.name): churn: 0 to 10000")
            if case .closed(let depth) = stage.load { try require((1...1024).contains(depth), "depth: 1 to 1024") }
            if case .touch(let keys) = stage.load { try require((1...1_000_000).contains(keys), "touch: 1 to 1000000") }
        }
        let names = Set(stages.map(\.name))
        for check in checks {
            let isKnown = names.contains(check.of) && names.contains(check.by ?? check.of)
            try require(isKnown, "checks: \(check.text): no such stage")
        }
    }
}

extension DecodingError {
    /// Where, and what.
    fileprivate var text: String {
        switch self {
        case .keyNotFound(let key, let context): Self.text("\(key.stringValue) is missing", context)
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            Self.text(context.debugDescription, context)
        case .dataCorrupted(let context):
            Self.text(context.underlyingError.map { "\($0)" } ?? context.debugDescription, context)
        @unknown default: "\(self)"
        }
    }

    private static func text(_ what: String, _ context: Context) -> String {
        let path = context.codingPath.map { (key: any CodingKey) -> String in
            key.intValue.map { "[\($0)]" } ?? key.stringValue
        }
        return (path.isEmpty ? "" : path.joined(separator: ".") + ": ") + what
    }
}
