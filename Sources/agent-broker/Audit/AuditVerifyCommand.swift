import AgentBackend
import ArgumentParser
import AuditLog
import FoundationEssentials

/// Checks that an audit log is as the broker wrote it.
struct AuditVerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check that no record of the audit log was changed, removed or added.",
        discussion: """
            Each fault is named with file, line and sequence; the status is 1 where there is one. What lies behind the \
            last signed head hangs together, but may have been cut off at its end. Whoever can write the broker's files \
            can make a log anew, with a new key: keep the key (audit key) and a head (head.json) elsewhere and give \
            them here. With --json one object per org: org, files, records, first, last, heads, signed, key, missing, \
            torn, unfinished_bytes, faults, and one per fault: org, file, line, sequence, fault.
            """
    )

    @OptionGroup var location: AuditLocation
    @Option(help: ArgumentHelp("The public key that the log has to be signed by.", valueName: "key"))
    var key: String?
    @Option(help: ArgumentHelp("A head of the org that was kept: the log has to contain it.", valueName: "file"))
    var head: String?

    func validate() throws {
        if head != nil, location.org == nil { throw ValidationError("--head is of one org: name it with --org") }
    }

    func run() async throws {
        let (key, head) = (try publicKey(), try keptHead())
        try await location.run { files, orgs, output in
            var isWhole = true
            for org in orgs {
                let report = try files.verify(org, key: key, kept: head)
                isWhole = isWhole && report.findingCount == 0
                try await Self.print(report, output)
            }
            return isWhole ? .success : .failure
        }
    }

    private func publicKey() throws -> AuditPublicKey? {
        guard let key else { return nil }
        guard let known = AuditPublicKey(text: key) else {
            throw ValidationError("--key wants what agent-broker audit key prints")
        }
        return known
    }

    private func keptHead() throws -> AuditHead? {
        guard let head else { return nil }
        guard let contents = try? Data(contentsOf: URL(filePath: head)), let kept = AuditHead(file: Array(contents))
        else {
            throw ValidationError("--head wants a readable copy of a head.json")
        }
        return kept
    }

    private static func print(_ report: AuditReport, _ output: CommandOutput) async throws {
        for finding in report.findings {
            guard output.asJSON else {
                try await output.print("FAULT  \(report.org)/\(text(finding))")
                continue
            }
            var line = JSONLine()
            line.add("org", report.org)
            line.add("file", finding.file)
            if finding.line > 0 { line.add("line", finding.line) }
            if let sequence = finding.sequence { line.add("sequence", sequence) }
            line.add("fault", finding.problem)
            try await output.print(line)
        }
        if output.asJSON { try await output.print(json(report)) } else { try await output.print(text(report)) }
    }

    private static func text(_ finding: AuditFinding) -> String {
        let line = finding.line > 0 ? ":\(finding.line)" : ""
        let sequence = finding.sequence.map { " (record \($0))" } ?? ""
        return WorkspacePath.printable("\(finding.file)\(line)\(sequence): \(finding.problem)".utf8)
    }

    private static func text(_ report: AuditReport) -> String {
        let verdict = report.findingCount == 0 ? "WHOLE " : "FAULTY"
        var text =
            "\(verdict) \(report.org): \(report.records) records, \(report.firstSequence) to \(report.lastSequence), "
        text +=
            "in \(report.files) files; signed up to \(report.signedSequence) by \(report.key.isEmpty ? "nobody" : report.key)"
        if report.findingCount > report.findings.count { text += "; \(report.findingCount) faults" }
        if report.missing > 0 { text += "; \(report.missing) are missing, as the log says itself" }
        if report.tornRecords > 0 { text += "; \(report.tornRecords) times the broker ended in the middle of a record" }
        if report.unfinishedBytes > 0 {
            text += "; \(report.unfinishedBytes) bytes of a record that is not whole at the end"
        }
        return text
    }

    private static func json(_ report: AuditReport) -> JSONLine {
        var line = JSONLine()
        line.add("org", report.org)
        line.add("files", report.files)
        line.add("records", report.records)
        line.add("first", report.firstSequence)
        line.add("last", report.lastSequence)
        line.add("heads", report.heads)
        line.add("signed", report.signedSequence)
        line.add("key", report.key)
        line.add("missing", report.missing)
        line.add("torn", report.tornRecords)
        line.add("unfinished_bytes", report.unfinishedBytes)
        line.add("faults", report.findingCount)
        return line
    }
}
