/// An operation as logs name it.
package struct LoggedOperation: Sendable {
    package let name: String
    /// It changes something, or may: it is logged in mode standard.
    package let isModifying: Bool

    static let read = LoggedOperation(name: "read", isModifying: false)
    static let readLines = LoggedOperation(name: "read_lines", isModifying: false)
    static let readMany = LoggedOperation(name: "read_many", isModifying: false)
    static let write = LoggedOperation(name: "write", isModifying: true)
    static let edit = LoggedOperation(name: "edit", isModifying: true)
    static let readdir = LoggedOperation(name: "readdir", isModifying: false)
    static let glob = LoggedOperation(name: "glob", isModifying: false)
    static let tree = LoggedOperation(name: "tree", isModifying: false)
    static let grep = LoggedOperation(name: "grep", isModifying: false)
    static let diskUsage = LoggedOperation(name: "disk_usage", isModifying: false)
    static let checksum = LoggedOperation(name: "checksum", isModifying: false)
    static let archive = LoggedOperation(name: "archive", isModifying: false)
    static let extract = LoggedOperation(name: "extract", isModifying: true)
    static let watch = LoggedOperation(name: "watch", isModifying: false)
    static let stat = LoggedOperation(name: "stat", isModifying: false)
    static let statMany = LoggedOperation(name: "stat_many", isModifying: false)
    static let exists = LoggedOperation(name: "exists", isModifying: false)
    static let mkdir = LoggedOperation(name: "mkdir", isModifying: true)
    static let touch = LoggedOperation(name: "touch", isModifying: true)
    static let chmod = LoggedOperation(name: "chmod", isModifying: true)
    static let symlink = LoggedOperation(name: "symlink", isModifying: true)
    static let rename = LoggedOperation(name: "rename", isModifying: true)
    static let copy = LoggedOperation(name: "copy", isModifying: true)
    static let rm = LoggedOperation(name: "rm", isModifying: true)
    static let exec = LoggedOperation(name: "exec", isModifying: true)
    static let listKeys = LoggedOperation(name: "list_keys", isModifying: false)
    static let deleteKey = LoggedOperation(name: "delete_key", isModifying: true)
    static let clearKeys = LoggedOperation(name: "clear_keys", isModifying: true)
}

/// The operations logger of a scope: what it or the scopes around it were given.
struct ScopeLog: Sendable {
    private let logger: (any OperationsLogger)?
    private let mode: OperationsLogMode
    private let scope: String
    private let redaction: RecordRedaction

    init(_ configuration: ScopeConfiguration, scope: WorkspacePath, around outer: ScopeLog?) {
        logger = configuration.operationsLogger ?? outer?.logger
        mode = configuration.logMode ?? outer?.mode ?? .standard
        self.scope = WorkspacePath.printable(scope.bytes)
        redaction = (outer?.redaction ?? RecordRedaction())
            .adding(patterns: configuration.redactedPatterns, environment: configuration.environment)
    }

    func records(_ operation: LoggedOperation) -> Bool {
        logger != nil && mode.records(isModifying: operation.isModifying)
    }

    /// `environment`: of the command that it is about; nil: it is about none.
    func record(_ record: OperationRecord, environment: Environment? = nil) {
        guard let logger else { return }
        var record = environment.map { redaction.redact(record, environment: $0) } ?? redaction.redact(record)
        record.scope = scope
        record.time = systemWallClock()
        logger.record(record)
    }

    /// Carries out `body` and records it, where such an operation is recorded. `failureOnly`: what it leads to is
    /// recorded in its place where it succeeds.
    func record<Value>(
        _ operation: LoggedOperation,
        subject: @autoclosure () -> [UInt8],
        failureOnly: Bool = false,
        bytes: (Value) -> UInt64 = { _ in 0 },
        _ body: () async throws(BackendError) -> Value
    ) async throws(BackendError) -> Value {
        guard records(operation) else { return try await body() }
        let start = ContinuousClock.now
        var entry = OperationRecord(operation: operation.name, subject: WorkspacePath.printable(subject()))
        do throws(BackendError) {
            let value = try await body()
            guard !failureOnly else { return value }
            entry.bytes = bytes(value)
            entry.duration = start.duration(to: .now)
            record(entry)
            return value
        } catch {
            entry.failure = error.code
            entry.duration = start.duration(to: .now)
            record(entry)
            throw error
        }
    }
}
