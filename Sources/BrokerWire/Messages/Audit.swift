internal import AgentBackend
internal import CBrokerProtos

/// Asks for records of the audit log; see `audit.proto`.
package struct QueryAudit: Sendable, Hashable {
    /// Empty: that of the token; for an operator, all. Of the others, empty: any.
    package var org = ""
    package var key = ""
    package var operation = ""
    package var outcome = ""
    package var isFailedOnly = false
    package var text = ""
    /// Nanoseconds since 1970-01-01 UTC. 0: any.
    package var since: Int64 = 0
    package var until: Int64 = 0
    /// 0: from the newest on.
    package var before: UInt64 = 0
    /// 0: the broker's.
    package var limit: UInt32 = 0
    package var includesIntents = false

    package init() {}

    /// Bytes of its texts.
    package var estimatedLength: Int {
        [org, key, operation, outcome, text].reduce(0) { $0 + $1.utf8.count }
    }
}

extension QueryAudit: WireMessage {
    init(_ message: Agentbroker__V1__AuditQuery) throws(BackendError) {
        org = try MessageReader.string(message.org, "audit_query.org")
        key = try MessageReader.string(message.key, "audit_query.key")
        operation = try MessageReader.string(message.operation, "audit_query.operation")
        outcome = try MessageReader.string(message.outcome, "audit_query.outcome")
        isFailedOnly = message.failed != 0
        text = try MessageReader.string(message.text, "audit_query.text")
        since = message.since_ns
        until = message.until_ns
        before = message.before
        limit = message.limit
        includesIntents = message.intents != 0
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__AuditQuery> {
        let message = builder.make(agentbroker__v1__audit_query__init)
        message.pointee.org = builder.string(org)
        message.pointee.key = builder.string(key)
        message.pointee.operation = builder.string(operation)
        message.pointee.outcome = builder.string(outcome)
        message.pointee.failed = isFailedOnly ? 1 : 0
        message.pointee.text = builder.string(text)
        message.pointee.since_ns = since
        message.pointee.until_ns = until
        message.pointee.before = before
        message.pointee.limit = limit
        message.pointee.intents = includesIntents ? 1 : 0
        return message
    }
}

/// A record of the audit log; see `audit.proto`.
package struct AuditRecordDescription: Sendable, Hashable {
    package enum Kind: UInt32, Sendable, Hashable {
        case call = 1
        case intent
        case end
    }

    package var sequence: UInt64 = 0
    package var time: Int64 = 0
    package var kind = Kind.call
    package var org = ""
    package var key = ""
    package var scope = ""
    package var tokenID = ""
    package var tokenName = ""
    package var connection: UInt64 = 0
    package var peer = ""
    package var clientName = ""
    package var operation = ""
    package var subject = ""
    package var outcome = ""
    package var bytes: UInt64 = 0
    package var exitCode: UInt32?
    package var end = ""
    package var exec: UInt64 = 0
    package var duration = Duration.zero
    package var isReplay = false

    package init() {}
}

extension AuditRecordDescription: WireMessage {
    init(_ message: Agentbroker__V1__AuditRecord) throws(BackendError) {
        guard let kind = Kind(rawValue: message.kind.rawValue) else {
            throw MessageReader.unknownValue("audit_record.kind", message.kind.rawValue)
        }
        sequence = message.sequence
        time = message.time_ns
        self.kind = kind
        org = try MessageReader.string(message.org, "audit_record.org")
        key = try MessageReader.string(message.key, "audit_record.key")
        scope = try MessageReader.string(message.scope, "audit_record.scope")
        tokenID = try MessageReader.string(message.token_id, "audit_record.token_id")
        tokenName = try MessageReader.string(message.token_name, "audit_record.token_name")
        connection = message.connection
        peer = try MessageReader.string(message.peer, "audit_record.peer")
        clientName = try MessageReader.string(message.client_name, "audit_record.client_name")
        operation = try MessageReader.string(message.operation, "audit_record.operation")
        subject = try MessageReader.string(message.subject, "audit_record.subject")
        outcome = try MessageReader.string(message.outcome, "audit_record.outcome")
        bytes = message.bytes
        exitCode = message.exited != 0 ? message.exit_code : nil
        end = try MessageReader.string(message.end, "audit_record.end")
        exec = message.exec
        duration = Duration(wireMicroseconds: message.duration_us)
        isReplay = message.replay != 0
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__AuditRecord> {
        let message = builder.make(agentbroker__v1__audit_record__init)
        message.pointee.sequence = sequence
        message.pointee.time_ns = time
        message.pointee.kind = Agentbroker__V1__AuditKind(rawValue: kind.rawValue)
        message.pointee.org = builder.string(org)
        message.pointee.key = builder.string(key)
        message.pointee.scope = builder.string(scope)
        message.pointee.token_id = builder.string(tokenID)
        message.pointee.token_name = builder.string(tokenName)
        message.pointee.connection = connection
        message.pointee.peer = builder.string(peer)
        message.pointee.client_name = builder.string(clientName)
        message.pointee.operation = builder.string(operation)
        message.pointee.subject = builder.string(subject)
        message.pointee.outcome = builder.string(outcome)
        message.pointee.bytes = bytes
        if let exitCode {
            message.pointee.exited = 1
            message.pointee.exit_code = exitCode
        }
        message.pointee.end = builder.string(end)
        message.pointee.exec = exec
        message.pointee.duration_us = duration.inMicroseconds
        message.pointee.replay = isReplay ? 1 : 0
        return message
    }
}

/// Some of the records that were asked for, the newest first.
package struct AuditRecordPage: Sendable, Hashable {
    package var records: [AuditRecordDescription]
    /// What to ask for next. 0: there is nothing older.
    package var nextBefore: UInt64

    package init(records: [AuditRecordDescription] = [], nextBefore: UInt64 = 0) {
        self.records = records
        self.nextBefore = nextBefore
    }
}

extension AuditRecordPage: WireMessage {
    init(_ message: Agentbroker__V1__AuditQueryReply) throws(BackendError) {
        records = try MessageReader.array(message.records, count: message.n_records) {
            record throws(BackendError) in
            guard let record = record?.pointee else { throw MessageCodec.malformed }
            return try AuditRecordDescription(record)
        }
        nextBefore = message.next_before
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__AuditQueryReply> {
        let message = builder.make(agentbroker__v1__audit_query_reply__init)
        message.pointee.n_records = records.count
        message.pointee.records = builder.array(records) { $0.build(builder) }
        message.pointee.next_before = nextBefore
        return message
    }
}
