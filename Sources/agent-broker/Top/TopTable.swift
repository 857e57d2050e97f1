import AgentBackend
import BrokerClient

/// A table of `top`, in cells.
struct TopTable: Sendable {
    let titles: [String]
    let rows: [[String]]

    /// The heading and some rows, in columns. The last is as long as it is.
    func aligned(_ shown: Range<Int>) -> [String] {
        let cells = [titles] + rows[shown].map { row in row.map { WorkspacePath.printable($0.utf8) } }
        let widths = titles.indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
        return cells.map { row in
            row.enumerated().map { column, cell in
                column == titles.count - 1
                    ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
            }.joined(separator: "  ")
        }
    }

    static func summary(_ sample: TopSample, _ rates: [TopRate]) -> String {
        let orgs = sample.orgs
        let answered = rates.compactMap(\.answered)
        let parts = [
            "\(sample.broker.node) \(sample.broker.serverVersion)",
            "up \(ShortTime(duration: sample.uptime).text)",
            "orgs \(orgs.count)",
            "connections \(orgs.reduce(0) { $0 + Int($1.connections) })",
            "calls/s \(answered.isEmpty ? "-" : text(answered.reduce(0, +)))",
            "in flight \(orgs.reduce(0) { $0 + Int($1.callsInFlight) })",
            "entries \(sample.entries.count)",
            "commands \(sample.commands.count)",
        ]
        return WorkspacePath.printable(parts.joined(separator: "  ").utf8)
    }

    static func orgs(_ orgs: [BrokerPool], _ rates: [TopRate]) -> TopTable {
        TopTable(
            titles: [
                "ORG", "CONNS", "CALLS/S", "FAILED/S", "WAITING", "LONGEST", "ENTRIES", "COMMANDS", "MOST USED LIMIT",
            ],
            rows: zip(orgs, rates).map { org, rate in
                [
                    org.org, "\(org.connections)", rate.answered.map(text) ?? "-", rate.failed.map(text) ?? "-",
                    "\(org.calls.waiting)", ShortTime(duration: org.calls.longestWait).text,
                    "\(org.pool.active + org.pool.idle + org.pool.creating)", "\(org.execsRunning)",
                    mostUsed(org.limits),
                ]
            }
        )
    }

    static func commands(_ commands: [BrokerCommandInfo], at sample: TopSample) -> TopTable {
        TopTable(
            titles: ["NUMBER", "ORG", "KEY", "STARTED", "OUTPUT", "WHERE", "COMMAND"],
            rows: commands.map { command in
                [
                    "\(command.number)", command.org, command.key.isEmpty ? "-" : command.key,
                    FileDetails.time(command.startedNanoseconds),
                    "\(command.written.standardOutput &+ command.written.standardError)",
                    command.isInBackground ? "background" : "foreground", command.command,
                ]
            }
        )
    }

    static func entries(_ entries: [BrokerEntryInfo]) -> TopTable {
        TopTable(
            titles: ["ORG", "KEY", "BACKEND", "STATE", "LEASES", "AGE", "IDLE", "COMMANDS", "BYTES"],
            rows: entries.map { entry in
                [
                    entry.org, entry.key.isEmpty ? "-" : entry.key, entry.backend.rawValue, entry.state.rawValue,
                    "\(entry.leases)", ShortTime(duration: entry.age).text, ShortTime(duration: entry.idle).text,
                    "\(entry.commandsRunning)", "\(entry.bytes)",
                ]
            }
        )
    }

    private static func mostUsed(_ limits: [BrokerLimitUse]) -> String {
        let shares = limits.filter { $0.allowed > 0 }.map {
            (name: $0.name, share: Double($0.used) / Double($0.allowed))
        }
        guard let most = shares.max(by: { $0.share < $1.share }), most.share > 0 else { return "-" }
        return "\(most.name) \(Int((min(most.share, 9.99) * 100).rounded(.up)))%"
    }

    private static func text(_ rate: Double) -> String {
        rate < 10 ? "\((rate * 10).rounded() / 10)" : "\(Int(min(rate, 1e15).rounded()))"
    }
}
