/// Rows P1 and P2: echo calls, broker beside limit program.
enum EchoComparison {
    static func scenarios(limit: ServerProcess, broker: ServerProcess) -> [Comparison.Scenario] {
        let rows: [Row] = [
            Row(
                name: "P1",
                connections: 64,
                depth: 16,
                targets: [.callsPerSecond: .atLeast(0.5), .serverMicroseconds: .atMost(2.0)]
            ),
            Row(name: "P2", connections: 1, depth: 1, targets: [.p50Microseconds: .atMost(1.3)]),
            Row(name: "", connections: 8, depth: 16, targets: [:]),
        ]
        return rows.map { row in
            let contestants = [limit, broker].map { server in
                ServerLoad(
                    name: server.name,
                    server: server,
                    settings: server.settings(.echo, connections: row.connections, depth: row.depth)
                )
            }
            let measures: [Measure] = [.callsPerSecond, .serverMicroseconds, .p50Microseconds]
            return Comparison.Scenario(
                load: "echo \(row.connections) x \(row.depth)",
                contestants: contestants,
                questions: measures.map { measure in
                    Comparison.Question(
                        row: row.name,
                        measure: measure,
                        subject: broker.name,
                        baseline: limit.name,
                        target: row.targets[measure]
                    )
                }
            )
        }
    }

    private struct Row {
        let name: String
        let connections: Int
        let depth: Int
        let targets: [Measure: Target]
    }
}
