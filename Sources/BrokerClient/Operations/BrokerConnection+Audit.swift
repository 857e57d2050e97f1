public import AgentBackend
internal import BrokerWire

/// Which records of a broker's audit log are asked for. Nil, and empty: any.
public struct BrokerAuditQuery: Sendable, Hashable {
    /// Nil: that of the token, or, for an operator's, all. "_broker", for an operator's: what is no org's, such as tokens
    /// that are not known.
    public var org: String?
    public var key: String?
    /// As on the wire: "write", "exec".
    public var operation: String?
    /// `ok`, or the code of an error.
    public var outcome: String?
    /// Only what was refused or failed; also commands that exited with another code than 0.
    public var isFailedOnly: Bool
    /// Is in the subject, the key, the scope, or a name of who called; upper and lower case are the same.
    public var text: String
    /// Nanoseconds since 1970-01-01 UTC.
    public var since: Int64?
    public var until: Int64?
    /// Also what was about to be done.
    public var includesIntents: Bool

    public init(
        org: String? = nil,
        key: String? = nil,
        operation: String? = nil,
        outcome: String? = nil,
        isFailedOnly: Bool = false,
        text: String = "",
        since: Int64? = nil,
        until: Int64? = nil,
        includesIntents: Bool = false
    ) {
        self.org = org
        self.key = key
        self.operation = operation
        self.outcome = outcome
        self.isFailedOnly = isFailedOnly
        self.text = text
        self.since = since
        self.until = until
        self.includesIntents = includesIntents
    }
}

/// Something that was done on a broker, or refused.
public struct BrokerAuditRecord: Sendable, Hashable {
    public enum Kind: String, Sendable, Hashable {
        /// A call came to its end.
        case call
        /// A call was about to be carried out.
        case intent
        /// A command in the background came to its end.
        case end
    }

    /// Counts the records of the org's log.
    public var sequence: UInt64
    /// Nanoseconds since 1970-01-01 UTC.
    public var time: Int64
    public var kind: Kind
    public var org: String
    public var key: String
    public var scope: String
    public var tokenID: String
    public var tokenName: String
    /// Counts up since the broker's start.
    public var connection: UInt64
    /// Its address; "unix" of a unix socket.
    public var peer: String
    /// As the client calls itself.
    public var clientName: String
    public var operation: String
    /// The path or the command line, cut and without secrets that are known.
    public var subject: String
    /// `ok`, or the code of the error. Empty: of an intent.
    public var outcome: String
    public var bytes: UInt64
    /// Of a command that ended by itself.
    public var exitCode: UInt32?
    /// How a command ended. Empty: it is about none.
    public var end: String
    /// The command in the background that it is about.
    public var exec: UInt64?
    public var duration: Duration
    /// The answer of an earlier call with the same idempotency key was given again: nothing was done.
    public var isReplay: Bool
}

/// Some of the records that were asked for.
public struct BrokerAuditPage: Sendable, Hashable {
    /// The newest first. May be none though there are older ones.
    public var records: [BrokerAuditRecord]
    /// What to ask for next. Nil: there is nothing older.
    public var nextBefore: UInt64?
}

extension BrokerConnection {
    /// What was done and refused, from the broker's audit log: the newest first, and from `before` on, which a page gave
    /// as its `nextBefore`. Throws `NOT_FOUND` where the broker keeps none, and `PERMISSION_DENIED` for another org than
    /// the token's own. `limit`: records of a page; nil: as many as the broker gives.
    public func audit(
        _ query: BrokerAuditQuery = BrokerAuditQuery(),
        before: UInt64? = nil,
        limit: UInt32? = nil,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> BrokerAuditPage {
        var request = QueryAudit()
        request.org = query.org ?? ""
        request.key = query.key ?? ""
        request.operation = query.operation ?? ""
        request.outcome = query.outcome ?? ""
        request.isFailedOnly = query.isFailedOnly
        request.text = query.text
        request.since = query.since ?? 0
        request.until = query.until ?? 0
        request.before = before ?? 0
        request.limit = limit ?? 0
        request.includesIntents = query.includesIntents
        return try await perform(.audit(request), on: nil, call: options)
    }
}

extension UnaryCall<BrokerAuditPage> {
    fileprivate static func audit(_ query: QueryAudit) -> Self {
        Self(operation: .audit(query)) {
            guard case .audit(let page) = $0 else { return nil }
            return BrokerAuditPage(
                records: page.records.map(BrokerAuditRecord.init),
                nextBefore: page.nextBefore == 0 ? nil : page.nextBefore
            )
        }
    }
}

extension BrokerAuditRecord {
    fileprivate init(_ record: AuditRecordDescription) {
        self.init(
            sequence: record.sequence,
            time: record.time,
            kind: Kind(record.kind),
            org: record.org,
            key: record.key,
            scope: record.scope,
            tokenID: record.tokenID,
            tokenName: record.tokenName,
            connection: record.connection,
            peer: record.peer,
            clientName: record.clientName,
            operation: record.operation,
            subject: record.subject,
            outcome: record.outcome,
            bytes: record.bytes,
            exitCode: record.exitCode,
            end: record.end,
            exec: record.exec == 0 ? nil : record.exec,
            duration: record.duration,
            isReplay: record.isReplay
        )
    }
}

extension BrokerAuditRecord.Kind {
    fileprivate init(_ kind: AuditRecordDescription.Kind) {
        self =
            switch kind {
            case .call: .call
            case .intent: .intent
            case .end: .end
            }
    }
}
