internal import AgentBackend

/// The operations logger of one entry: knows whose operations they are.
struct EntryLog: Sendable {
    private let settings: Settings
    /// Of the entry; empty: it has none.
    let key: String

    /// What entries share that are made alike. Safe to use from any thread.
    final class Settings: Sendable {
        fileprivate let log: OperationsLog
        fileprivate let orgLog: OrgLog
        fileprivate let org: String
        /// The entry's own; nil: as the broker's.
        fileprivate let ownMode: OperationsLogMode?
        fileprivate let redaction: RecordRedaction

        /// `mode`: what the log records of such an entry; nil: what it records of all. `environment`: of every command of
        /// the entry. Its values are in no record.
        init(
            _ log: OperationsLog,
            org: String,
            mode: OperationsLogMode?,
            environment: Environment = Environment()
        ) {
            self.log = log
            orgLog = log.org(org)
            self.org = org
            ownMode = mode
            redaction = RecordRedaction(environment: environment)
        }
    }

    init(_ settings: Settings, key: String) {
        self.settings = settings
        self.key = key
    }

    init(_ log: OperationsLog, org: String, key: String, mode: OperationsLogMode?) {
        self.init(Settings(log, org: org, mode: mode), key: key)
    }

    /// What the log records.
    var mode: OperationsLogMode? { settings.ownMode ?? settings.orgLog.mode }

    /// Whether such an operation is of interest at all. Asked before anything is measured for it, when nobody knows yet
    /// whether it fails, and once more before a record is made.
    func records(isModifying: Bool, hasFailed: Bool? = nil) -> Bool {
        let interest = settings.orgLog.current
        return isLogged(isModifying, interest) || interest.isFollowed(isModifying: isModifying, hasFailed: hasFailed)
    }

    /// `environment`: of the command that it is about; nil: it is about none.
    func record(_ record: OperationRecord, isModifying: Bool, environment: Environment? = nil) {
        var record = environment.map { redacted(record, environment: $0) } ?? record
        record.org = settings.org
        record.key = key
        let interest = settings.orgLog.current
        if isLogged(isModifying, interest) { settings.log.record(record) }
        if interest.isFollowed(isModifying: isModifying, hasFailed: record.failure != nil) {
            settings.orgLog.offer(record, isModifying: isModifying)
        }
    }

    /// Of a command with these variables: without their values and those of the entry's.
    func redacted(_ record: OperationRecord, environment: Environment) -> OperationRecord {
        settings.redaction.redact(record, environment: environment)
    }

    private func isLogged(_ isModifying: Bool, _ interest: OrgLog.Interest) -> Bool {
        settings.ownMode.map { $0.records(isModifying: isModifying) } ?? interest.isLogged(isModifying: isModifying)
    }
}
