/// Row P7: acquire and release of a key that is there, in process, beside the seed's pool. Costs in processor time, since
/// all of it is one thread's.
struct PoolComparison {
    /// Path of `pool-load`.
    let pool: String
    let peers: PythonPeers
    /// For the output of all.
    let directory: String

    /// Which keys of how many are called.
    private struct Shape {
        let called: Int
        let keys: Int

        var name: String { "\(called) of \(keys)" }
        var arguments: [String] { ["--keys", "\(keys)", "--called", "\(called)"] }

        static let few = Shape(called: 10, keys: 10)
        static let fewOfMany = Shape(called: 10, keys: 100_000)
        /// Every call finds nothing of its key in the processor's caches.
        static let all = Shape(called: 100_000, keys: 100_000)
    }

    var scenario: Comparison.Scenario {
        let shapes: [Shape] = [.few, .fewOfMany, .all]
        return Comparison.Scenario(
            load: "pool hit",
            contestants: shapes.flatMap { [own($0), seed($0)] },
            questions: [
                Self.question("P7", "pool", .few, against: "seed", .few, .timesLess, .atLeast(2.5)),
                Self.question("P7", "pool", .fewOfMany, against: "pool", .few, .ratio, .atMost(1.15)),
                Self.question("", "seed", .fewOfMany, against: "seed", .few, .ratio, nil),
                Self.question("", "pool", .all, against: "seed", .all, .timesLess, nil),
                Self.question("", "pool", .all, against: "pool", .few, .ratio, nil),
                Self.question("", "seed", .all, against: "seed", .few, .ratio, nil),
            ]
        )
    }

    private static func question(
        _ row: String,
        _ subject: String,
        _ shape: Shape,
        against baseline: String,
        _ baselineShape: Shape,
        _ form: Comparison.Question.Form,
        _ target: Target?
    ) -> Comparison.Question {
        Comparison.Question(
            row: row,
            measure: .nanosecondsPerCall,
            subject: "\(subject) \(shape.name)",
            baseline: "\(baseline) \(baselineShape.name)",
            form: form,
            target: target
        )
    }

    private func own(_ shape: Shape) -> ProgramLoad {
        ProgramLoad(name: "pool \(shape.name)", executable: pool, arguments: shape.arguments, directory: directory)
    }

    private func seed(_ shape: Shape) -> ProgramLoad {
        peers.driver("seed \(shape.name)", "seed_pool", shape.arguments, in: directory)
    }
}
