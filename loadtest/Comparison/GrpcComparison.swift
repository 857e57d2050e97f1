/// Row P3: what a unary echo costs a broker, and servers of gRPC. Those are driven by h2load, which is not as fast as the
/// broker's load generator: only the processor time of the servers can be compared.
struct GrpcComparison {
    let broker: ServerProcess
    /// The peers, with how many times less the broker is to take.
    let peers: [(server: ServerProcess, target: Double)]
    /// Path of h2load.
    let h2load: String
    let directory: String

    private static let connections = 64
    private static let depth = 16

    var scenario: Comparison.Scenario {
        let settings = broker.settings(.echo, connections: Self.connections, depth: Self.depth)
        let own = ServerLoad(name: broker.name, server: broker, settings: settings)
        let others = peers.map { peer in
            GrpcLoad(
                name: peer.server.name,
                server: peer.server,
                h2load: h2load,
                connections: Self.connections,
                depth: Self.depth,
                payload: settings.payload,
                directory: directory
            )
        }
        return Comparison.Scenario(
            load: "echo \(Self.connections) x \(Self.depth)",
            contestants: [own] + others,
            questions: peers.map { peer in
                Comparison.Question(
                    row: "P3",
                    measure: .serverMicroseconds,
                    subject: broker.name,
                    baseline: peer.server.name,
                    form: .timesLess,
                    target: .atLeast(peer.target)
                )
            }
        )
    }
}
