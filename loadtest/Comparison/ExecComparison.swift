/// Rows P8 to P10: `bash -c 'echo hi'` in the broker's sandboxes, beside a bare posix_spawn, bubblewrap for each command,
/// the seed and swe-rex; and what such commands do to others' calls.
struct ExecComparison {
    let broker: ServerProcess
    /// Of echo calls.
    let limitEcho: ServerProcess
    let peers: CommandPeers

    /// Commands at a time where many are.
    private static let many = 8
    /// Of each connection of as many, while echo calls are measured.
    private static let stormDepth = 8

    var scenarios: [Comparison.Scenario] {
        [oneAtATime, manyAtATime] + [(1, 1), (8, 16)].map { echo(connections: $0, depth: $1) }
    }

    // MARK: Commands

    private var oneAtATime: Comparison.Scenario {
        Comparison.Scenario(
            load: "bash 1 x 1",
            contestants: contestants(1),
            questions: [
                question("P8", .p50Microseconds, target: .atMost(1.4)),
                timesLess("P8", .p50Microseconds, than: .bwrap, .atLeast(3.2)),
                timesLess("P8", .p50Microseconds, than: .none, .atLeast(1)),
                question("", .p99Microseconds),
                timesLess("", .p99Microseconds, than: .bwrap),
                timesLess("", .p99Microseconds, than: .none),
                timesLess("", .p50Microseconds, than: "limit + bwrap"),
                timesLess("", .p50Microseconds, than: PythonPeers.SweRexClient.own.name("exec")),
                timesLess("", .p50Microseconds, than: PythonPeers.SweRexClient.kept.name("exec")),
                value("", .serverMicroseconds, of: broker.name),
            ]
        )
    }

    private var manyAtATime: Comparison.Scenario {
        func faster(_ row: String, than baseline: String, _ target: Target? = nil) -> Comparison.Question {
            Comparison.Question(
                row: row,
                measure: .callsPerSecond,
                subject: broker.name,
                baseline: baseline,
                target: target
            )
        }
        return Comparison.Scenario(
            load: "bash \(Self.many) x 1",
            contestants: contestants(Self.many),
            questions: [
                faster("P9", than: CommandPeers.limitName, .atLeast(0.7)),
                faster("P9", than: CommandPeers.SeedIsolation.bwrap.name, .atLeast(4)),
                value("P9", .p99ByP50, of: broker.name, .atMost(6)),
                value("", .p99ByP50, of: CommandPeers.limitName),
                value("", .p99ByP50, of: CommandPeers.SeedIsolation.bwrap.name),
                faster("", than: CommandPeers.SeedIsolation.none.name),
                faster("", than: "limit + bwrap"),
                faster("", than: PythonPeers.SweRexClient.own.name("exec")),
                faster("", than: PythonPeers.SweRexClient.kept.name("exec")),
                question("", .p99Microseconds),
                value("", .serverMicroseconds, of: broker.name),
            ]
        )
    }

    private func contestants(_ calls: Int) -> [any Contestant] {
        var settings = broker.settings(.exec, connections: calls, depth: 1)
        settings.backend = .local
        settings.command = .hello
        return [
            peers.limit(calls: calls), ServerLoad(name: broker.name, server: broker, settings: settings),
            peers.seed(.none, calls: calls), peers.seed(.bwrap, calls: calls), peers.limitInBubblewrap(calls: calls),
            peers.sweRex(.own, calls: calls), peers.sweRex(.kept, calls: calls),
        ]
    }

    private func question(_ row: String, _ measure: Measure, target: Target? = nil) -> Comparison.Question {
        Comparison.Question(
            row: row,
            measure: measure,
            subject: broker.name,
            baseline: CommandPeers.limitName,
            target: target
        )
    }

    private func timesLess(
        _ row: String,
        _ measure: Measure,
        than baseline: String,
        _ target: Target? = nil
    ) -> Comparison.Question {
        Comparison.Question(
            row: row,
            measure: measure,
            subject: broker.name,
            baseline: baseline,
            form: .timesLess,
            target: target
        )
    }

    private func timesLess(
        _ row: String,
        _ measure: Measure,
        than seed: CommandPeers.SeedIsolation,
        _ target: Target? = nil
    ) -> Comparison.Question {
        timesLess(row, measure, than: seed.name, target)
    }

    private func value(
        _ row: String,
        _ measure: Measure,
        of subject: String,
        _ target: Target? = nil
    ) -> Comparison.Question {
        Comparison.Question(row: row, measure: measure, subject: subject, form: .value, target: target)
    }

    // MARK: Echo meanwhile

    /// The limit program answers echo calls while the broker runs the same commands: what its latency does is the
    /// machine's doing.
    private func echo(connections: Int, depth: Int) -> Comparison.Scenario {
        func load(_ name: String, _ server: ServerProcess, besideCommands: Bool) -> ServerLoad {
            var settings = server.settings(.echo, connections: connections, depth: depth)
            if besideCommands { settings.background = storm }
            return ServerLoad(name: name, server: server, settings: settings)
        }
        let (alone, beside) = ("\(broker.name) alone", "\(broker.name) + execs")
        let (limitAlone, limitBeside) = ("\(limitEcho.name) alone", "\(limitEcho.name) + execs")
        return Comparison.Scenario(
            load: "echo \(connections) x \(depth), \(Self.many * Self.stormDepth) execs",
            contestants: [
                load(alone, broker, besideCommands: false), load(beside, broker, besideCommands: true),
                load(limitAlone, limitEcho, besideCommands: false), load(limitBeside, limitEcho, besideCommands: true),
            ],
            questions: [
                ratio("P10", .p99Microseconds, beside, alone, .atMost(3)),
                ratio("", .p99Microseconds, limitBeside, limitAlone),
                ratio("", .p99Microseconds, beside, limitBeside),
                ratio("", .p50Microseconds, beside, alone),
                ratio("", .callsPerSecond, beside, alone),
                value("", .backgroundCallsPerSecond, of: beside),
                value("", .backgroundCallsPerSecond, of: limitBeside),
            ]
        )
    }

    private var storm: LoadSettings.Background {
        LoadSettings.Background(
            endpoint: broker.endpoint,
            tokens: broker.tokens,
            connections: Self.many,
            depth: Self.stormDepth,
            command: .hello,
            isBusy: true
        )
    }

    private func ratio(
        _ row: String,
        _ measure: Measure,
        _ subject: String,
        _ baseline: String,
        _ target: Target? = nil
    ) -> Comparison.Question {
        Comparison.Question(row: row, measure: measure, subject: subject, baseline: baseline, target: target)
    }
}
