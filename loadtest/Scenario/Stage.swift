/// A part of a scenario, with one load. Its calls are answered, or given up, before the next one begins.
struct Stage: Equatable {
    var name: String
    var load: Load
    var duration = TimeSpan.seconds(10)
    /// Whether it is in the report's figures and in the verdict on errors.
    var measured = true
    /// The scenario's noise goes on meanwhile.
    var noise = false
    /// Connections that are closed and made anew in a second.
    var churn = 0.0
    /// So many times the broker is restarted meanwhile, at even distances.
    var restarts = 0

    enum Load: Equatable {
        /// Open loop, from one rate to another; in so many steps, or in a straight line for 0.
        case open(from: Rate, to: Rate, steps: Int, arrivals: Arrivals)
        /// Closed loop: so many calls of each connection are unanswered, always.
        case closed(depth: Int)
        /// Open loop at rates that a search chooses.
        case search(RateSearch.Settings)
        /// One echo in each of so many keys of their own, which have an entry from then on.
        case touch(Int)
        /// No calls.
        case none
    }
}

extension Stage: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case name, duration, measured, noise, churn, restarts
        case rate, to, steps, arrivals, depth, search, touch
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.strictContainer(CodingKeys.self)
        name = try container.decode(String.self, forKey: .name)
        duration = try container.decode(.duration, or: duration)
        measured = try container.decode(.measured, or: measured)
        noise = try container.decode(.noise, or: noise)
        churn = try container.decode(.churn, or: churn)
        restarts = try container.decode(.restarts, or: restarts)
        let chosen = [CodingKeys.rate, .depth, .search, .touch].filter { container.contains($0) }
        guard chosen.count <= 1 else {
            let message = "give one of rate, depth, search and touch, not \(chosen.map(\.rawValue))"
            throw DecodingError.dataCorruptedError(forKey: chosen[1], in: container, debugDescription: message)
        }
        switch chosen.first {
        case .rate:
            let rate = try container.decode(Rate.self, forKey: .rate)
            load = .open(
                from: rate,
                to: try container.decode(.to, or: rate),
                steps: try container.decode(.steps, or: 0),
                arrivals: try container.decode(.arrivals, or: .poisson)
            )
        case .depth: load = .closed(depth: try container.decode(Int.self, forKey: .depth))
        case .search: load = .search(try container.decode(RateSearch.Settings.self, forKey: .search))
        case .touch: load = .touch(try container.decode(Int.self, forKey: .touch))
        default: load = .none
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(name, forKey: .name)
        try container.encode(duration, forKey: .duration)
        try container.encode(measured, forKey: .measured)
        try container.encode(noise, forKey: .noise)
        try container.encode(churn, forKey: .churn)
        try container.encode(restarts, forKey: .restarts)
        switch load {
        case .open(let from, let to, let steps, let arrivals):
            try container.encode(from, forKey: .rate)
            try container.encode(to, forKey: .to)
            try container.encode(steps, forKey: .steps)
            try container.encode(arrivals, forKey: .arrivals)
        case .closed(let depth): try container.encode(depth, forKey: .depth)
        case .search(let settings): try container.encode(settings, forKey: .search)
        case .touch(let count): try container.encode(count, forKey: .touch)
        case .none: break
        }
    }
}
