internal import ArgumentParser
internal import FoundationEssentials

struct PeersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "peers",
        abstract: "Every row of the list of targets: the broker beside each peer and each limit, in turn.",
        discussion: """
            Installs what it needs from Debian and PyPI, the latter into a scratch folder, runs all the commands that \
            compare, and prints one table in Markdown. Takes about an hour; --row, --rounds and --duration make it \
            shorter. Run it as root. A wrong or missing answer makes the exit status 1; a missed target does not.
            """
    )

    @OptionGroup var broker: BrokerOption

    @Option(help: "Folder of the peers' drivers and of their installer.")
    var peers = "loadtest/peers"

    @Option(help: "Folder to install into, which is kept. Default: one of /tmp that is removed.")
    var scratch: String?

    @Option(help: "Only comparisons that answer this row, such as P4. Several may be named.")
    var row: [String] = []

    @Option(help: "Runs of each contestant.")
    var rounds = 5

    @Option(help: "How long each run measures.")
    var duration = "2s"

    @Flag(help: "Print one JSON object, with the figures behind each row.")
    var json = false

    /// A command of this program, and the rows that it answers.
    private struct Part {
        var command: String
        var rows: [String]
        var needs: Set<Need> = []
        /// Whether it takes a duration.
        var isTimed = true
    }

    private enum Need { case python, grpc }

    private static let parts = [
        Part(command: "compare-echo", rows: ["P1", "P2"]),
        Part(command: "compare-grpc", rows: ["P3"], needs: [.grpc]),
        Part(command: "compare-files", rows: ["P4", "P5", "P6"], needs: [.python]),
        Part(command: "compare-pool", rows: ["P7"], needs: [.python]),
        Part(command: "compare-exec", rows: ["P8", "P9", "P10", "P12", "P13"], needs: [.python]),
        Part(command: "compare-transfer", rows: ["P11"]),
        Part(command: "compare-memory", rows: ["P12"], isTimed: false),
        Part(command: "compare-start", rows: ["P13"]),
        Part(command: "compare-growth", rows: ["P14"]),
        Part(command: "compare-search", rows: ["P15"], needs: [.python]),
    ]

    func validate() throws {
        _ = try Duration(argument: duration)
        let known = Set(Self.parts.flatMap(\.rows))
        if let unknown = row.first(where: { !known.contains($0) }) {
            throw ValidationError("there is no row \(unknown)")
        }
    }

    func run() throws {
        let interrupts = try Interrupts()
        let rows = try TemporaryDirectory.run("loadtest-peers") { (directory) throws(LoadFailure) in
            try run(in: directory, installed: scratch ?? directory, interrupts)
        }
        print(json ? try rows.json() : rows.markdown)
        if !rows.failures.isEmpty { throw LoadFailure.failedCalls(rows.failures.joined(separator: "; ")) }
    }

    private func run(
        in directory: String,
        installed: String,
        _ interrupts: borrowing Interrupts
    ) throws(LoadFailure) -> PeerRows {
        let chosen = Self.parts.filter { row.isEmpty || !Set(row).isDisjoint(with: $0.rows) }
        let install = ProgramStart(
            executable: "/bin/bash",
            arguments: ["\(peers)/install", installed],
            name: "install",
            directory: directory
        )
        tell("installing the peers")
        _ = try ChildProcess.run(install) { (child) throws(LoadFailure) in
            try child.wholeOutput(within: .seconds(3600), interrupts)
        }
        var rows = PeerRows()
        for part in chosen {
            tell(part.command)
            do throws(LoadFailure) {
                rows.add(try report(of: part, in: directory, installed: installed, interrupts))
            } catch {
                if case .interrupted = error { throw error }
                // The other rows are of interest all the same.
                rows.add(failure: "\(part.command): \(error)")
            }
        }
        return rows
    }

    private func report(
        of part: Part,
        in directory: String,
        installed: String,
        _ interrupts: borrowing Interrupts
    ) throws(LoadFailure) -> ComparisonReport {
        var arguments = [part.command, "--json", "--rounds", "\(rounds)", "--broker", broker.path]
        if part.command == "compare-pool" { arguments.removeLast(2) }
        if part.isTimed { arguments += ["--duration", duration] }
        if part.needs.contains(.python) {
            arguments += ["--python", "\(installed)/python/bin/python", "--peers", peers]
        }
        if part.needs.contains(.grpc) { arguments += ["--grpc", "\(installed)/grpc"] }
        let start = ProgramStart(
            executable: "/proc/self/exe",
            arguments: arguments,
            name: part.command,
            directory: directory
        )
        let output = try ChildProcess.run(start) { (child) throws(LoadFailure) in
            try child.wholeOutput(within: .seconds(7200), interrupts)
        }
        return try ChildProcess.decode(output, from: part.command)
    }

    private func tell(_ line: String) {
        var standardError = StandardError()
        print("== \(line)", to: &standardError)
    }
}
