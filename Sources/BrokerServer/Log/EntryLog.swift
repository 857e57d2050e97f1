internal import AgentBackend

/// The operations logger of one entry: knows whose operations they are.
struct EntryLog: Sendable {
    private let log: OperationsLog
    private let orgLog: OrgLog
    private let org: String
    private let key: String
    /// The entry's own; nil: as the broker's.
    private let ownMode: OperationsLogMode?
    private let redaction: RecordRedaction

    /// `mode`: what the log records of this entry; nil: what it records of all. `environment`: of every command of the
    /// entry. Its values are in no record.
    init(
        _ log: OperationsLog,
        org: String,
        key: String,
        mode: OperationsLogMode?,
        environment: Environment = Environment()
    ) {
        self.log = log
        orgLog = log.org(org)
        self.org = org
        self.key = key
        ownMode = mode
        redaction = RecordRedaction(environment: environment)
    }

    /// What the log records.
    var mode: OperationsLogMode? { ownMode ?? orgLog.mode }

    /// Whether such an operation is of interest at all. Asked before anything is measured for it, when nobody knows yet
    /// whether it fails, and once more before a record is made.
    func records(isModifying: Bool, hasFailed: Bool? = nil) -> Bool {
        let interest = orgLog.current
        return isLogged(isModifying, interest) || interest.isFollowed(isModifying: isModifying, hasFailed: hasFailed)
    }

    /// `environment`: of the command that it is about; nil: it is about none.
    func record(_ record: OperationRecord, isModifying: Bool, environment: Environment? = nil) {
        var record = environment.map { redacted(record, environment: $0) } ?? record
        record.org = org
        record.key = key
        let interest = orgLog.current
        if isLogged(isModifying, interest) { log.record(record) }
        if interest.isFollowed(isModifying: isModifying, hasFailed: record.failure != nil) {
            orgLog.offer(record, isModifying: isModifying)
        }
    }

    /// Of a command with these variables: without their values and those of the entry's.
    func redacted(_ record: OperationRecord, environment: Environment) -> OperationRecord {
        redaction.redact(record, environment: environment)
    }

    private func isLogged(_ isModifying: Bool, _ interest: OrgLog.Interest) -> Bool {
        ownMode.map { $0.records(isModifying: isModifying) } ?? interest.isLogged(isModifying: isModifying)
    }
}
