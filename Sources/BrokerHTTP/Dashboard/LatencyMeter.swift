internal import BrokerServer

/// How long the calls of orgs took since it was last asked. A value.
struct LatencyMeter: Sendable {
    private var earlier: [String: LatencyHistogram] = [:]

    /// `now`: by org, since the broker's start. Without those that were not there before.
    mutating func difference(to now: [String: LatencyHistogram]) -> [String: LatencyHistogram] {
        defer { earlier = now }
        var differences: [String: LatencyHistogram] = [:]
        for (org, histogram) in now {
            if let before = earlier[org] { differences[org] = histogram - before }
        }
        return differences
    }
}
