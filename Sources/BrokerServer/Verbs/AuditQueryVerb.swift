internal import AgentBackend
internal import AuditLog
internal import BrokerWire
internal import LocalBackend

/// Looks through the audit log.
extension QueryAudit: SessionVerb {
    static let name = "audit_query"
    static let isModifying = false

    /// Most records in one answer.
    private static let maximumRecords = 200
    /// Whose logs one call looks through.
    private static let maximumOrgs = 100

    func attempt(_ target: Target?, in session: Session, of broker: BrokerCore) -> NonBlocking<Answer> { .wouldBlock }

    func perform(_ call: Call, in session: Session, of broker: BrokerCore) async throws(BackendError) -> Answer {
        let (named, principal) = (try log(for: session, of: broker), session.principal)
        guard let audit = broker.audit else { throw Self.noLog }
        let orgs = broker.tenancy.current.orgs.orgs.map(\.name)
        guard named != nil || orgs.count <= Self.maximumOrgs else { throw Self.tooManyOrgs }
        let limit = limit > 0 ? min(Int(limit), Self.maximumRecords) : Self.maximumRecords
        var query = query
        query.allowsKey = principal.isTold(of:)
        let (before, files) = (before, AuditFiles(path: audit.log.path))
        let page = try await broker.workspaces.threads.run { [query] () throws(BackendError) in
            do throws(AuditFault) {
                if let named { return try files.page(of: named, query, before: before, limit: limit) }
                let all = orgs + [AuditFiles.brokersOwn]
                return try files.page(ofAll: all, query, before: before, limit: limit)
            } catch {
                throw error.unreadable
            }
        }
        return Answer(.audit(AuditRecordPage(page)))
    }

    /// That is asked for; nil: all. The broker's own is for operators, who see all orgs.
    private func log(for session: Session, of broker: BrokerCore) throws(BackendError) -> String? {
        if session.principal.isOperator, org == AuditFiles.brokersOwn { return org }
        return try session.inspected(org, of: broker)?.name
    }

    private var query: AuditQuery {
        var query = AuditQuery()
        query.key = key.isEmpty ? nil : key
        query.operation = operation.isEmpty ? nil : operation
        query.outcome = outcome.isEmpty ? nil : outcome
        query.isFailedOnly = isFailedOnly
        query.text = text
        if since != 0 || until != 0 { query.time = since..<max(since, until == 0 ? .max : until) }
        query.includesIntents = includesIntents
        return query
    }

    private static let tooManyOrgs = BackendError(
        .invalidArgument,
        reason: .tooLarge,
        message: "there are more than \(maximumOrgs) orgs, too many to look through at once: name one"
    )

    private static let noLog = BackendError(
        .notFound,
        reason: .notFound,
        message: "no audit log is configured: have the operator of this broker set audit.enabled"
    )
}

extension AuditRecordPage {
    fileprivate init(_ page: AuditPage) {
        self.init(records: page.records.compactMap(AuditRecordDescription.init), nextBefore: page.nextBefore)
    }
}

extension AuditRecordDescription {
    /// Nil: it is about the log itself.
    fileprivate init?(_ record: AuditRecord) {
        guard let kind = Kind(record.kind) else { return nil }
        self.init()
        self.kind = kind
        sequence = record.sequence
        time = record.time
        org = record.org
        key = record.key
        scope = record.scope
        tokenID = record.tokenID
        tokenName = record.tokenName
        connection = record.connection
        peer = record.peer
        clientName = record.client
        operation = record.operation
        subject = record.subject
        outcome = record.outcome
        bytes = record.bytes
        exitCode = record.exitCode
        end = record.commandEnd
        exec = record.exec ?? 0
        duration = record.duration
        isReplay = record.isReplay
    }
}

extension AuditRecordDescription.Kind {
    fileprivate init?(_ kind: AuditRecord.Kind) {
        switch kind {
        case .call: self = .call
        case .intent: self = .intent
        case .end: self = .end
        case .file, .head, .gap, .torn, .cut: return nil
        }
    }
}
