internal import AgentBackend
internal import BrokerClient
internal import NIOCore
internal import Synchronization

/// Echoes of one org, alone and while another has the broker search what is expensive to search: a pattern that
/// backtracks for ever, a file of two gibibytes, a file that grows meanwhile.
struct BystanderComparison {
    let broker: ServerProcess

    private static let searcher = (org: 0, key: "search")
    private static let echoing = 1
    /// Of the three files.
    private static let (lines, large, growing) = ("lines", "large", "growing")
    private static let largeSize = 2 << 30

    /// One call at a time, and so many that the processors have no time to sleep: what wakes them costs one that is alone
    /// more than one that is not.
    var scenarios: [Comparison.Scenario] {
        [(1, 1), (8, 16)].map { scenario(connections: $0, depth: $1) }
    }

    private func scenario(connections: Int, depth: Int) -> Comparison.Scenario {
        let alone = alone(connections: connections, depth: depth)
        let searches = [
            search("(a+)+$", in: Self.lines, beside: alone, named: "beside a pattern"),
            search("no such line", in: Self.large, beside: alone, named: "beside 2 GiB"),
            search("no such line", in: Self.growing, beside: alone, named: "beside a growing file") {
                connection,
                target in
                let (path, piece) = (try WorkspacePath(Self.growing), ByteBuffer(string: Self.text))
                let size = try await connection.stat(path, on: target).size
                let options = WriteOptions(mode: size < Self.largeSize / 8 ? .append : .replace)
                _ = try await connection.write(path, piece, options: options, on: target)
            },
        ]
        let questions = searches.flatMap { search in
            [(Measure.p99Microseconds, Target.atMost(3)), (.p50Microseconds, nil), (.callsPerSecond, nil)].map {
                Comparison.Question(measure: $0, subject: search.name, baseline: alone.name, target: $1)
            }
        }
        return Comparison.Scenario(
            load: "echo \(connections) x \(depth)",
            contestants: [alone] + searches,
            questions: questions
        )
    }

    private func alone(connections: Int, depth: Int) -> ServerLoad {
        var settings = broker.settings(.echo, connections: connections, depth: depth)
        settings.tokens = [broker.tokens[Self.echoing]]
        return ServerLoad(name: "alone", server: broker, settings: settings)
    }

    private func search(
        _ expression: String,
        in file: String,
        beside load: ServerLoad,
        named name: String,
        meanwhile: Bystander.Call? = nil
    ) -> Bystander {
        let search: Bystander.Call = { connection, target in
            let page = try await connection.grep(
                GrepPattern(Array(expression.utf8), isRegularExpression: true),
                options: GrepOptions(path: try WorkspacePath(file)),
                on: target
            )
            guard page.files.isEmpty else { throw LoadFailure.wrongAnswer("\(name): a line matches that does not") }
        }
        return Bystander(
            name: name,
            load: load,
            org: Self.searcher.org,
            key: Self.searcher.key,
            calls: [search] + (meanwhile.map { [$0] } ?? [])
        )
    }

    /// Makes the files.
    func prepare() throws(LoadFailure) {
        try broker.withClient(key: Self.searcher.key) { connection, target in
            let line = String(repeating: "a", count: 100) + "b\n"
            let lines = ByteBuffer(string: String(repeating: line, count: 10_000))
            _ = try await connection.write(try WorkspacePath(Self.lines), lines, on: target)
            for (name, size) in [(Self.large, Self.largeSize), (Self.growing, Self.piece)] {
                let (path, piece) = (try WorkspacePath(name), ByteBuffer(string: Self.text))
                for _ in 0..<size / Self.piece {
                    _ = try await connection.write(path, piece, options: WriteOptions(mode: .append), on: target)
                }
            }
        }
    }

    private static let piece = 1 << 20
    /// Lines of 64 bytes.
    private static let text = String(repeating: String(repeating: "x", count: 63) + "\n", count: piece / 64)
}

/// A load that is measured while others' calls are made, each again and again.
private struct Bystander: Contestant {
    typealias Call = @Sendable (BrokerConnection, BrokerTarget) async throws -> Void

    let name: String
    let load: ServerLoad
    /// Whose calls they are.
    let org: Int
    let key: String
    let calls: [Call]

    func measure(_ time: RunTime, _ interrupts: borrowing Interrupts) throws(LoadFailure) -> RunFigures {
        let (calls, isOver) = (calls, Flag())
        let others = load.server.beginClient(org: org, key: key) { connection, target in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for call in calls {
                    group.addTask {
                        while !isOver.isSet { try await call(connection, target) }
                    }
                }
                try await group.waitForAll()
            }
        }
        let figures: RunFigures
        do throws(LoadFailure) {
            figures = try load.measure(time, interrupts)
        } catch {
            isOver.set()
            try? others.end()
            throw error
        }
        isOver.set()
        try others.end()
        return figures
    }

    private final class Flag: Sendable {
        private let value = Atomic(false)

        var isSet: Bool { value.load(ordering: .relaxed) }
        func set() { value.store(true, ordering: .relaxed) }
    }
}
