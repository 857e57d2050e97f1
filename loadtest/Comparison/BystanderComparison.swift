internal import AgentBackend
internal import BrokerClient
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Echoes of one org, alone and while another has the broker search what is expensive to search: a pattern that
/// backtracks for ever, a file of two gibibytes, a file that grows meanwhile.
struct BystanderComparison {
    let broker: ServerProcess

    private static let searcher = (org: 0, key: "search")
    private static let echoing = 1
    private static let (connections, depth) = (8, 16)
    /// Of the three files.
    private static let (lines, large, growing) = ("lines", "large", "growing")
    private static let largeSize = 2 << 30
    private static let piece = 1 << 20
    /// Lines of 64 bytes.
    private static let text = String(repeating: String(repeating: "x", count: 63) + "\n", count: piece / 64)

    var scenario: Comparison.Scenario {
        let searches = [
            search("(a+)+$", in: Self.lines, named: "beside a pattern"),
            search("no such line", in: Self.large, named: "beside 2 GiB"),
            search("no such line", in: Self.growing, named: "beside a growing file") { connection, target in
                let (path, piece) = (try WorkspacePath(Self.growing), ByteBuffer(string: Self.text))
                let size = try await connection.stat(path, on: target).size
                let options = WriteOptions(mode: size < Self.largeSize / 8 ? .append : .replace)
                _ = try await connection.write(path, piece, options: options, on: target)
            },
        ]
        let questions = searches.flatMap { search in
            [
                question(.p99Microseconds, search, .atMost(3)), question(.p50Microseconds, search),
                question(.callsPerSecond, search),
                Comparison.Question(measure: .backgroundCallsPerSecond, subject: search.name, form: .value),
            ]
        }
        return Comparison.Scenario(
            load: "echo \(Self.connections) x \(Self.depth)",
            contestants: [alone] + searches,
            questions: questions
        )
    }

    private func question(
        _ measure: Measure,
        _ search: SearchedMeanwhile,
        _ target: Target? = nil
    ) -> Comparison.Question {
        Comparison.Question(measure: measure, subject: search.name, baseline: alone.name, target: target)
    }

    /// So many calls that the processors have no time to sleep: to wake them costs one call alone more than what is
    /// searched beside it.
    private var alone: ServerLoad {
        var settings = broker.settings(.echo, connections: Self.connections, depth: Self.depth)
        settings.tokens = [broker.tokens[Self.echoing]]
        return ServerLoad(name: "alone", server: broker, settings: settings)
    }

    private func search(
        _ expression: String,
        in file: String,
        named name: String,
        meanwhile: SearchedMeanwhile.Call? = nil
    ) -> SearchedMeanwhile {
        let search: SearchedMeanwhile.Call = { connection, target in
            let page = try await connection.grep(
                GrepPattern(Array(expression.utf8), isRegularExpression: true),
                options: GrepOptions(path: try WorkspacePath(file)),
                on: target,
                call: BrokerCallOptions(deadline: .seconds(60))
            )
            guard page.files.isEmpty else { throw LoadFailure.wrongAnswer("\(name): a line matches that does not") }
        }
        return SearchedMeanwhile(
            name: name,
            load: alone,
            searcher: Self.searcher,
            search: search,
            meanwhile: meanwhile
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
}

/// A load that is measured while another org searches, again and again.
private struct SearchedMeanwhile: Contestant {
    typealias Call = @Sendable (BrokerConnection, BrokerTarget) async throws -> Void

    let name: String
    /// What is measured.
    let load: ServerLoad
    let searcher: (org: Int, key: String)
    let search: Call
    /// Called again and again as well.
    let meanwhile: Call?

    func measure(_ time: RunTime, _ interrupts: borrowing Interrupts) throws(LoadFailure) -> RunFigures {
        let progress = Progress()
        let (search, meanwhile, begun) = (search, meanwhile, progress.begun)
        let searches = load.server.beginClient(org: searcher.org, key: searcher.key) { connection, target in
            try await withThrowingTaskGroup(of: Void.self) { group in
                if let meanwhile {
                    group.addTask {
                        while !progress.isOver { try await meanwhile(connection, target) }
                    }
                }
                begun.succeed()
                while !progress.isOver {
                    try await search(connection, target)
                    progress.searched()
                }
                try await group.waitForAll()
            }
        }
        searches.whenFailure { begun.fail($0) }
        try begun.futureResult.outcome()
        let since = Clocks.monotonic()
        let measured = Result { () throws(LoadFailure) in try load.measure(time, interrupts) }
        let seconds = Double(Clocks.monotonic() - since) / 1e9
        let count = progress.end()
        let searched = Result { () throws(LoadFailure) in try searches.outcome() }
        // What went wrong with the load counts first.
        var figures = try measured.get()
        try searched.get()
        figures.backgroundCallsPerSecond = Double(count) / seconds
        return figures
    }

    private final class Progress: Sendable {
        let begun = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        private let over = Atomic(false)
        private let count = Atomic(0)

        var isOver: Bool { over.load(ordering: .relaxed) }

        func searched() { count.add(1, ordering: .relaxed) }

        /// Returns how many searches have ended by now.
        func end() -> Int {
            over.store(true, ordering: .relaxed)
            return count.load(ordering: .relaxed)
        }
    }
}
