internal import AgentBackend
internal import BrokerClient
internal import FoundationEssentials
internal import NIOCore

/// Row P15: a tree of files that is searched by the broker, and by programs that do nothing else.
struct SearchComparison {
    let broker: ServerProcess
    /// Of the broker.
    let root: String
    /// Paths of ripgrep and find.
    let ripgrep: String
    let find: String
    /// For deepagents. Nil: without it.
    let peers: PythonPeers?
    /// Where its driver runs.
    let directory: String

    static let files = 5000
    private static let directories = 50
    fileprivate static let key = "search"
    /// One file of fifty has it, once.
    private static let word = "needle_in_the_haystack"

    var scenarios: [Comparison.Scenario] {
        let tree = "\(root)/v1/orgs/org-0/\(Self.key)/tree"
        let found = Self.files / 50
        let grep = SearchLoad(name: "broker grep", server: broker) { connection, target in
            let page = try await connection.grep(
                GrepPattern(Array(Self.word.utf8)),
                options: GrepOptions(path: try WorkspacePath("tree")),
                on: target
            )
            return page.files.count
        } expected: {
            found
        }
        let glob = SearchLoad(name: "broker glob", server: broker) { connection, target in
            let page = try await connection.glob(
                GlobPattern("**/*.swift"),
                options: GlobOptions(path: try WorkspacePath("tree")),
                on: target
            )
            return page.files.count
        } expected: {
            Self.files
        }
        let ripgrep = SpawnLoad(
            name: "ripgrep",
            executable: ripgrep,
            arguments: ["-l", "-F", Self.word, tree],
            lines: found
        )
        let find = SpawnLoad(name: "find", executable: find, arguments: [tree, "-name", "*.swift"], lines: Self.files)
        return [
            scenario("grep", grep, ripgrep, .atMost(1.5), deepagents("grep", Self.word, found, in: tree)),
            scenario("glob", glob, find, .atMost(1.0), deepagents("glob", "**/*.swift", Self.files, in: tree)),
        ]
    }

    private func deepagents(_ operation: String, _ pattern: String, _ found: Int, in tree: String) -> ProgramLoad? {
        let arguments = [operation, "--directory", tree, "--pattern", pattern, "--found", "\(found)"]
        return peers?.driver("deepagents \(operation)", "deepagents_search", arguments, in: directory)
    }

    private func scenario(
        _ operation: String,
        _ subject: any Contestant,
        _ baseline: any Contestant,
        _ target: Target,
        _ peer: ProgramLoad?
    ) -> Comparison.Scenario {
        var scenario = Comparison.Scenario(
            load: "\(operation) of \(Self.files) files",
            contestants: [subject, baseline],
            questions: [
                Comparison.Question(
                    row: "P15",
                    measure: .p50Milliseconds,
                    subject: subject.name,
                    baseline: baseline.name,
                    target: target
                ),
                Comparison.Question(measure: .p99Milliseconds, subject: subject.name, baseline: baseline.name),
            ]
        )
        if let peer {
            scenario.contestants.append(peer)
            scenario.questions.append(
                Comparison.Question(
                    row: "P15",
                    measure: .p50Milliseconds,
                    subject: subject.name,
                    baseline: peer.name,
                    form: .timesLess
                )
            )
        }
        return scenario
    }

    /// Makes the tree in the broker's workspace: source files of about two kilobytes.
    func prepare() throws(LoadFailure) {
        try broker.withClient(key: Self.key) { connection, target in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<Self.files {
                    if number >= 64 { try await group.next() }
                    group.addTask {
                        let path = "tree/d\(number % Self.directories)/f\(number).swift"
                        let contents = ByteBuffer(string: Self.contents(number))
                        _ = try await connection.write(try WorkspacePath(path), contents, on: target)
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    private static func contents(_ number: Int) -> String {
        let lines = (0..<50).map { "    let value\($0) = compute(\(number), \($0 * number % 97))" }
        let extra = number.isMultiple(of: 50) ? "    // \(word)\n" : ""
        return "func f\(number)() {\n\(lines.joined(separator: "\n"))\n\(extra)}\n"
    }
}

/// One call of the public client after the other.
private struct SearchLoad: Contestant {
    let name: String
    let server: ServerProcess
    let call: @Sendable (BrokerConnection, BrokerTarget) async throws -> Int
    let expected: @Sendable () -> Int

    func measure(_ time: RunTime, _ interrupts: borrowing Interrupts) throws(LoadFailure) -> RunFigures {
        let (name, call, expected) = (name, call, expected())
        return try server.withClient(key: SearchComparison.key) { connection, target in
            var samples = SampledCalls(time)
            while samples.goOn {
                let since = Clocks.monotonic()
                let found = try await call(connection, target)
                samples.ended(since: since)
                guard found == expected else {
                    throw LoadFailure.wrongAnswer("\(name) found \(found), and should find \(expected)")
                }
            }
            return samples.figures
        }
    }
}

/// A program that is run again and again, and prints so many lines.
private struct SpawnLoad: Contestant {
    let name: String
    let executable: String
    let arguments: [String]
    let lines: Int

    func measure(_ time: RunTime, _ interrupts: borrowing Interrupts) throws(LoadFailure) -> RunFigures {
        try TemporaryDirectory.run("loadtest") { (directory) throws(LoadFailure) in
            let start = ProgramStart(executable: executable, arguments: arguments, name: name, directory: directory)
            var samples = SampledCalls(time)
            while samples.goOn {
                let since = Clocks.monotonic()
                let output = try ChildProcess.run(start) { (child) throws(LoadFailure) in try child.outputAtEnd() }
                samples.ended(since: since)
                let found = output.utf8.count { $0 == UInt8(ascii: "\n") }
                guard found == lines else {
                    throw .wrongAnswer("\(name) printed \(found) lines, and should print \(lines)")
                }
            }
            return samples.figures
        }
    }
}

/// Calls one after the other: how long each took that began after the warm-up.
struct SampledCalls {
    private let begin: UInt64
    private let end: UInt64
    private var latencies = Latencies()
    private var last: UInt64 = 0

    init(_ time: RunTime) {
        begin = Clocks.monotonic() + time.warmup.nanoseconds
        end = begin + time.duration.nanoseconds
    }

    /// At least one is measured.
    var goOn: Bool { latencies.count == 0 || Clocks.monotonic() < end }

    mutating func ended(since: UInt64) {
        last = Clocks.monotonic()
        if since >= begin { latencies.record(nanoseconds: last - since) }
    }

    var figures: RunFigures {
        let seconds = max(Double(last - min(begin, last)) / 1e9, 1e-9)
        return RunFigures(
            calls: latencies.count,
            seconds: seconds,
            callsPerSecond: Double(latencies.count) / seconds,
            latencyMicroseconds: latencies.summary
        )
    }
}
