/// Small writes, each of which the audit log records: what that costs, beside a broker that keeps none.
struct AuditComparison {
    let without: ServerProcess
    /// One for each way to keep it.
    let audited: [ServerProcess]

    private static let size = 256

    var scenarios: [Comparison.Scenario] {
        [
            scenario(connections: 8, depth: 16, [.callsPerSecond, .serverMicroseconds]),
            scenario(connections: 1, depth: 1, [.p50Microseconds, .p99Microseconds]),
        ]
    }

    private func scenario(connections: Int, depth: Int, _ measures: [Measure]) -> Comparison.Scenario {
        let contestants = ([without] + audited).map { server in
            var settings = server.settings(.write, connections: connections, depth: depth)
            settings.backend = .local
            settings.payload = Self.size
            // Each call in flight has a file of its own.
            settings.files = max(connections * depth / server.tokens.count, 1)
            return ServerLoad(name: server.name, server: server, settings: settings)
        }
        return Comparison.Scenario(
            load: "write \(Self.size) B, \(connections) x \(depth)",
            contestants: contestants,
            questions: measures.flatMap { measure in
                audited.map { Comparison.Question(measure: measure, subject: $0.name, baseline: without.name) }
            }
        )
    }
}
