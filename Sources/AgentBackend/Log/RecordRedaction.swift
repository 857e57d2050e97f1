/// What the records of a scope, or of an entry, do not show: whatever matches its patterns, and of commands the values
/// of their environment, in the line and in what they wrote. A value; safe to share.
package struct RecordRedaction: Sendable {
    private let patterns: [RegularExpression]
    private let environment: Environment
    /// Of a command that brings no variables of its own. Nil: there are more secrets than can be looked for.
    private let ofCommands: Redaction?
    private let ofFiles: Redaction?

    package init(patterns: [RegularExpression] = [], environment: Environment = Environment()) {
        self.patterns = patterns
        self.environment = environment
        ofCommands = try? Redaction(patterns: patterns, valuesOf: environment)
        ofFiles = try? Redaction(patterns: patterns)
    }

    /// With the same and `patterns` and `environment` over it.
    package func adding(patterns: [RegularExpression], environment: Environment) -> RecordRedaction {
        RecordRedaction(patterns: self.patterns + patterns, environment: self.environment.merging(environment))
    }

    /// Of an operation on files.
    package func redact(_ record: OperationRecord) -> OperationRecord {
        patterns.isEmpty ? record : redact(record, by: ofFiles)
    }

    /// Of a command with variables of its own.
    package func redact(_ record: OperationRecord, environment own: Environment) -> OperationRecord {
        guard !own.isEmpty else {
            return patterns.isEmpty && environment.isEmpty ? record : redact(record, by: ofCommands)
        }
        return redact(record, by: try? Redaction(patterns: patterns, valuesOf: environment.merging(own)))
    }

    /// Where secrets cannot be looked for, all that may hold one is left out.
    private func redact(_ record: OperationRecord, by redaction: Redaction?) -> OperationRecord {
        if let redaction { return redaction.redact(record) }
        var record = record
        record.subject = Redaction.replacement
        (record.standardOutput, record.standardError) = ([], [])
        return record
    }
}
