internal import AgentBackend

/// All that a run has done, what it prepared and what is not measured included, the noise not: what a broker's own counts
/// are held against.
struct RunTotals: Codable {
    var byKind: [String: Calls] = [:]
    var traffic = Traffic()

    struct Calls: Codable {
        /// Calls by code: `OK`, or that of the error.
        var codes: [String: Int] = [:]
        /// Of those whose answer was the right one.
        var latencies = Latencies()
    }

    mutating func add(_ tally: StageTally) {
        for (name, latencies) in tally.byKind {
            let code = CallKind(rawValue: name)?.refusal.map { "\($0)" } ?? "OK"
            byKind[name, default: Calls()].codes[code, default: 0] += latencies.count
            byKind[name, default: Calls()].latencies.add(latencies)
        }
        for (name, codes) in tally.failures {
            byKind[name, default: Calls()].codes.merge(codes, uniquingKeysWith: +)
        }
    }
}
