package import AgentBackend

/// The broker's own operations log: one JSON line per operation to a descriptor.
package final class OperationsLog: OperationsLogger {
    /// Nil: nothing is logged unless an entry asks for it.
    let mode: OperationsLogMode?
    private let writer: OperationsWriter

    /// `descriptor` stays the caller's.
    package init(mode: OperationsLogMode?, descriptor: Int32) {
        self.mode = mode
        writer = OperationsWriter(jsonLinesTo: descriptor)
    }

    package func record(_ record: OperationRecord) {
        writer.record(record)
    }

    /// What was recorded is written first, unless nobody takes it.
    package func shutdown() async {
        _ = await writer.close(within: .seconds(5))
    }
}

/// The operations logger of one entry: knows whose operations they are.
struct EntryLog: Sendable {
    private let log: OperationsLog
    private let org: String
    private let key: String
    let mode: OperationsLogMode?
    private let redaction: RecordRedaction

    /// `environment`: of every command of the entry. Its values are in no record.
    init(
        _ log: OperationsLog,
        org: String,
        key: String,
        mode: OperationsLogMode?,
        environment: Environment = Environment()
    ) {
        self.log = log
        self.org = org
        self.key = key
        self.mode = mode ?? log.mode
        redaction = RecordRedaction(environment: environment)
    }

    /// Whether such an operation is logged at all. Asked before anything is measured for it.
    func records(isModifying: Bool) -> Bool {
        mode?.records(isModifying: isModifying) ?? false
    }

    /// `environment`: of the command that it is about; nil: it is about none.
    func record(_ record: OperationRecord, environment: Environment? = nil) {
        var record = environment.map { redaction.redact(record, environment: $0) } ?? record
        record.org = org
        record.key = key
        log.record(record)
    }
}
