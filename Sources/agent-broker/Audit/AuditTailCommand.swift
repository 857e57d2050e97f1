import AgentBackend
import ArgumentParser
import AuditLog

/// Prints the last records of an audit log, and those that come.
struct AuditTailCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tail",
        abstract: "Print the last records of the audit log, the newest last.",
        discussion:
            "With --follow also those that come, until Ctrl-C. With --json one object per record, as in the log."
    )

    @OptionGroup var location: AuditLocation
    @OptionGroup var filter: AuditFilter
    @Flag(name: .shortAndLong, help: "Go on with the records that come.")
    var follow = false
    @Option(name: [.customShort("n"), .long], help: ArgumentHelp("So many records of each org first.", valueName: "n"))
    var lines = 10

    private static let pause = Duration.milliseconds(250)

    func run() async throws {
        let query = filter.query
        try await location.run { [follow, lines] files, orgs, output in
            var followers: [AuditFollower] = []
            for org in orgs {
                var follower = try files.follower(of: org)
                let last = try files.page(of: org, query, limit: max(1, lines)).records.prefix(lines)
                follower.skip(to: last.first?.sequence ?? 0)
                for record in last.reversed() { try await record.print(output) }
                followers.append(follower)
            }
            while follow {
                for index in followers.indices {
                    for record in try followers[index].next() where query.matches(record) {
                        try await record.print(output)
                    }
                }
                try await Task.sleep(for: Self.pause)
            }
            return .success
        }
    }
}
