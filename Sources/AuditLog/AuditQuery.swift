/// Which records of one org are asked for: those that match all that is said, the newest first. Nil, and empty: any.
package struct AuditQuery: Sendable {
    package var key: String?
    package var operation: String?
    /// `ok`, or the code of an error.
    package var outcome: String?
    /// Refused or failed; also a command that exited with another code than 0.
    package var isFailedOnly = false
    /// Is in the subject, the key, the scope, or a name of who called; upper and lower case are the same.
    package var text = ""
    /// Nanoseconds since 1970-01-01 UTC.
    package var time: Range<Int64>?
    /// Also what was about to be done; else only what came of it.
    package var includesIntents = false
    /// Also what the log says about itself.
    package var includesOwn = false
    package var allowsKey: @Sendable (_ key: String) -> Bool = { _ in true }

    package init() {}

    package func matches(_ record: AuditRecord) -> Bool {
        if !record.kind.isEvent { return includesOwn && isAboutAll }
        return (includesIntents || record.kind != .intent)
            && key.map { $0 == record.key } ?? true
            && operation.map { $0 == record.operation } ?? true
            && outcome.map { $0 == record.outcome } ?? true
            && (!isFailedOnly || record.hasFailed)
            && time.map { $0.contains(record.time) } ?? true
            && allowsKey(record.key)
            && (text.isEmpty || record.says(text))
    }

    /// It asks for nothing that only an event has.
    private var isAboutAll: Bool {
        key == nil && operation == nil && outcome == nil && !isFailedOnly && text.isEmpty
    }
}

extension AuditRecord {
    fileprivate func says(_ text: String) -> Bool {
        let text = text.lowercased()
        return [subject, key, scope, tokenName, tokenID, client, peer, trace].contains {
            $0.lowercased().contains(text)
        }
    }
}

/// A part of the answer to a query.
package struct AuditPage: Sendable, Hashable {
    /// The newest first.
    package let records: [AuditRecord]
    /// Where the next page begins. 0: there is nothing older.
    package let nextBefore: UInt64
}

/// Where a page begins: before a sequence, or before a time where the records of several orgs are asked for.
enum AuditPosition: Sendable, Hashable {
    case end
    case beforeSequence(UInt64)
    /// Nanoseconds since 1970-01-01 UTC.
    case beforeTime(Int64)

    func precedes(_ record: AuditRecord) -> Bool {
        switch self {
        case .end: false
        case .beforeSequence(let sequence): record.sequence >= sequence
        case .beforeTime(let time): record.time >= time
        }
    }
}
