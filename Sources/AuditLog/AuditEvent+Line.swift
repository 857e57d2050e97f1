internal import AgentBackend

extension AuditEvent {
    /// The members of its record, but for those that every record has.
    func add(to line: inout JSONLine) {
        line.add("org", operation.org)
        // As the caller names them, who need not name what there is.
        if !operation.key.isEmpty { line.add("key", Self.bounded(operation.key, OperationRecord.maximumSubjectLength)) }
        if !operation.scope.isEmpty {
            line.add("scope", Self.bounded(operation.scope, OperationRecord.maximumSubjectLength))
        }
        line.add("token", Self.bounded(caller.tokenName, AuditCaller.longestName))
        line.add("token_id", Self.bounded(caller.tokenID, AuditCaller.longestName))
        line.add("connection", caller.connection)
        line.add("peer", Self.bounded(caller.peer, AuditCaller.longestName))
        if !caller.client.isEmpty { line.add("client", Self.bounded(caller.client, AuditCaller.longestName)) }
        line.add("operation", operation.operation)
        if !operation.subject.isEmpty {
            line.add("subject", Self.bounded(operation.subject, OperationRecord.maximumSubjectLength))
        }
        if let exec { line.add("exec", exec) }
        if let trace { line.add("trace", trace) }
        guard kind != .intent else { return }
        line.add("outcome", operation.failure?.description ?? AuditRecord.succeeded)
        if operation.bytes > 0 { line.add("bytes", operation.bytes) }
        if let exitCode = operation.exitCode { line.add("exit_code", exitCode) }
        if let commandEnd { line.add("end", commandEnd) }
        line.add("duration_us", operation.duration.inMicroseconds)
        if isReplay { line.add("replay", true) }
        if let intent { line.add("intent", intent) }
    }

    /// Without what drives a terminal, and cut.
    private static func bounded(_ text: String, _ length: Int) -> String {
        let text = WorkspacePath.printable(text.utf8.prefix(length + 1))
        guard text.utf8.count > length else { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: length)
        while end > text.startIndex, String.Index(end, within: text.unicodeScalars) == nil {
            end = text.utf8.index(before: end)
        }
        return String(text[..<end])
    }
}
