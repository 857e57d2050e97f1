import BrokerWire

extension Samples {
    static var auditQuery: QueryAudit {
        var query = QueryAudit()
        query.org = "acme"
        query.key = "ci"
        query.operation = "write"
        query.outcome = "CONFLICT"
        query.isFailedOnly = true
        query.text = "é"
        query.since = -1
        query.until = 1 << 60
        query.before = 1 << 50
        query.limit = 7
        query.includesIntents = true
        return query
    }

    static var auditRecord: AuditRecordDescription {
        var record = AuditRecordDescription()
        record.sequence = 1 << 50
        record.time = 1 << 60
        record.kind = .end
        record.org = "acme"
        record.key = "ci"
        record.scope = "a/b"
        record.tokenID = "t1"
        record.tokenName = "ci"
        record.connection = 3
        record.peer = "127.0.0.1:4711"
        record.clientName = "agent"
        record.operation = "exec"
        record.subject = "make é"
        record.outcome = "ok"
        record.bytes = 1 << 40
        record.exitCode = 0
        record.end = "exited"
        record.exec = 9
        record.duration = .microseconds(1500)
        record.isReplay = true
        return record
    }
}
