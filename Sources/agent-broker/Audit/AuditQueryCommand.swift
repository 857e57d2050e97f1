import AgentBackend
import ArgumentParser
import AuditLog
import FoundationEssentials

/// Which records are wanted.
struct AuditFilter: ParsableArguments {
    @Option(help: ArgumentHelp("On this key.", valueName: "key"))
    var key: String?
    @Option(help: ArgumentHelp("This operation, such as write or exec.", valueName: "name"))
    var operation: String?
    @Option(help: ArgumentHelp("With this outcome: ok, or the code of an error.", valueName: "code"))
    var outcome: String?
    @Flag(help: "Only what was refused or failed, and commands that did not exit with 0.")
    var failed = false
    @Option(help: ArgumentHelp("With this in the subject, key, scope or a name of who called.", valueName: "text"))
    var text: String = ""
    @Flag(help: "Also what was about to be done, and what the log says about itself.")
    var all = false

    var query: AuditQuery {
        var query = AuditQuery()
        query.key = key
        query.operation = operation
        query.outcome = outcome
        query.isFailedOnly = failed
        query.text = text
        query.includesIntents = all
        query.includesOwn = all
        return query
    }
}

/// Searches an audit log.
struct AuditQueryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "query",
        abstract: "Print records of the audit log, the newest first.",
        discussion: """
            --since and --until take a time such as 2026-01-31T12:00:00Z, or how long ago, such as 2h. With --json one \
            object per record, as in the log.
            """
    )

    @OptionGroup var location: AuditLocation
    @OptionGroup var filter: AuditFilter
    @Option(help: ArgumentHelp("From then on.", valueName: "time"))
    var since: PastTime?
    @Option(help: ArgumentHelp("Before then.", valueName: "time"))
    var until: PastTime?
    @Option(help: ArgumentHelp("At most so many.", valueName: "n"))
    var limit = 100

    func run() async throws {
        var query = filter.query
        if since != nil || until != nil {
            let lower = since?.nanoseconds ?? .min
            query.time = lower..<max(lower, until?.nanoseconds ?? .max)
        }
        try await location.run { [query, limit] files, orgs, output in
            var (left, before) = (limit, UInt64(0))
            repeat {
                let page =
                    orgs.count == 1
                    ? try files.page(of: orgs[0], query, before: before, limit: left)
                    : try files.page(ofAll: orgs, query, before: before, limit: left)
                for record in page.records.prefix(left) { try await record.print(output) }
                left -= page.records.count
                before = page.nextBefore
                try Task.checkCancellation()
            } while left > 0 && before != 0
            return .success
        }
    }
}

extension AuditRecord {
    func print(_ output: CommandOutput) async throws {
        if output.asJSON {
            try await output.print(String(decoding: line, as: UTF8.self))
        } else {
            try await output.print(text)
        }
    }

    /// `2026-01-31T12:00:00.000000Z acme/ci exec make test → ok (exit 2) 1200us by agent 127.0.0.1:4711`
    private var text: String {
        let place = [org, key, scope].filter { !$0.isEmpty }.joined(separator: "/")
        var words = [OperationLine.timestamp(time), place, kind.isEvent ? operation : kind.rawValue, subject]
        if let exec { words.append("#\(exec)") }
        switch kind {
        case .call, .end:
            words.append(outcome)
            if let exitCode, exitCode != 0 { words.append("(exit \(exitCode))") }
            if !commandEnd.isEmpty, commandEnd != "exited" { words.append("(\(commandEnd))") }
            if kind == .end { words.append("(ended)") }
            if isReplay { words.append("(again)") }
            words.append("\(duration.inMicroseconds)us")
        case .intent: words.append("(about to be done)")
        case .gap: words.append("\(missing) records are missing here")
        case .cut: words.append("records that were signed are missing before this, or were changed")
        case .file, .head, .torn: break
        }
        if kind.isEvent { words += ["by", tokenName.isEmpty ? tokenID : tokenName, peer].filter { !$0.isEmpty } }
        return WorkspacePath.printable(words.filter { !$0.isEmpty }.joined(separator: " ").utf8)
    }
}

/// A time, or how long ago it was.
struct PastTime: ExpressibleByArgument {
    /// Since 1970-01-01 UTC.
    let nanoseconds: Int64

    init?(argument: String) {
        if let ago = TimeArgument(argument: argument) {
            nanoseconds = systemWallClock() - ago.duration.inNanoseconds
        } else if let date = try? Date(argument, strategy: .iso8601) {
            nanoseconds = Int64(clamping: Int(date.timeIntervalSince1970)) * 1_000_000_000
        } else {
            return nil
        }
    }
}
