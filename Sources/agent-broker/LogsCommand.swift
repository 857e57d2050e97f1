import AgentBackend
import ArgumentParser
import BrokerClient
import FoundationEssentials

/// Prints what is done on a broker, as it is done.
struct LogsCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs",
        abstract: "Print what is done in the token's org, or, with an operator's, in all, until Ctrl-C.",
        discussion: """
            A line per operation that changes something or fails; on keys that the token allows. Where they come \
            faster than they are taken some are left out, and a line says how many. With --json one object per line, as in the broker's \
            operations log.
            """
    )

    @OptionGroup var client: ClientOptions
    @Flag(help: "From now on. The broker keeps no past but in its own log, so it has to be given.")
    var follow = false
    @Flag(name: .shortAndLong, help: "Also operations that change nothing and do not fail.")
    var verbose = false
    @Option(help: ArgumentHelp("With an operator's token: of this org alone.", valueName: "name"))
    var org: String?

    func validate() throws {
        if !follow { throw ValidationError("say --follow: what was done before is in the broker's own log alone") }
    }

    func run(_ connection: BrokerConnection, _ output: CommandOutput) async throws -> ExitStatus {
        try await connection.withLog(of: org, verbose: verbose) { log in
            try await output.standardError.write(Array("agent-broker: following, Ctrl-C ends it\n".utf8))
            for try await line in log {
                try await output.print(output.asJSON ? line : LogLine(json: line)?.text ?? line)
            }
        }
        return .success
    }
}

/// One line of a broker's operations log.
struct LogLine: Decodable {
    let time: String
    let org: String?
    let key: String?
    let scope: String?
    let operation: String?
    let subject: String?
    let error: String?
    let exitCode: UInt32?
    let durationUs: UInt64?
    /// Operations that are missing here.
    let dropped: UInt64?

    /// Nil: it is none.
    init?(json: String) {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard let line = try? decoder.decode(LogLine.self, from: Data(json.utf8)) else { return nil }
        self = line
    }

    /// `2026-01-31T12:00:00.000000Z acme/ci exec make test (exit 2) 1.2s`
    var text: String {
        if let dropped {
            return "\(time) \(dropped) operations are missing here: they came faster than they were taken"
        }
        let place = [org, key, scope].compactMap { $0 }.filter { !$0.isEmpty }.joined(separator: "/")
        var words = [time, place, operation ?? "", WorkspacePath.printable((subject ?? "").utf8)]
        if let error { words.append("(\(error))") }
        if let exitCode, exitCode != 0 { words.append("(exit \(exitCode))") }
        words.append("\(durationUs ?? 0)us")
        return words.filter { !$0.isEmpty }.joined(separator: " ")
    }
}
