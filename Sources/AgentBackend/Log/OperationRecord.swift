/// One operation that was carried out or refused. Values of environment variables are never in it.
public struct OperationRecord: Sendable, Hashable {
    /// When it ended; nanoseconds since 1970-01-01 UTC.
    public var time: Int64
    /// Name of the operation, as on the wire: "read", "write", "exec".
    public var operation: String
    /// Tenant, and key of the entry in it.
    public var org: String
    public var key: String
    /// The scope within the entry. Empty: the entry itself.
    public var scope: String
    /// The path or the command line, as text.
    public var subject: String
    /// Nil: it succeeded.
    public var failure: BackendError.Code?
    public var duration: Duration
    /// Bytes read or written; of a command, those of both outputs.
    public var bytes: UInt64
    /// Of a command that ended by itself.
    public var exitCode: UInt32?
    /// The first bytes that a command wrote, as an ``OutputExcerpt`` keeps them.
    public var standardOutput: [UInt8]
    public var standardError: [UInt8]

    public init(
        operation: String,
        org: String = "",
        key: String = "",
        scope: String = "",
        subject: String = "",
        failure: BackendError.Code? = nil,
        duration: Duration = .zero,
        bytes: UInt64 = 0,
        exitCode: UInt32? = nil,
        standardOutput: [UInt8] = [],
        standardError: [UInt8] = [],
        time: Int64 = systemWallClock()
    ) {
        self.time = time
        self.operation = operation
        self.org = org
        self.key = key
        self.scope = scope
        self.subject = subject
        self.failure = failure
        self.duration = duration
        self.bytes = bytes
        self.exitCode = exitCode
        self.standardOutput = standardOutput
        self.standardError = standardError
    }

    /// Bytes of the subject that loggers keep.
    public static let maximumSubjectLength = 1024

    /// Something of its output is not in it.
    var isOutputCut: Bool { bytes > UInt64(standardOutput.count + standardError.count) }

    /// With a subject of at most ``maximumSubjectLength`` bytes, and whether that is less than there was.
    package func withBoundedSubject() -> (record: OperationRecord, isCut: Bool) {
        guard subject.utf8.count > Self.maximumSubjectLength else { return (self, false) }
        var end = subject.utf8.index(subject.startIndex, offsetBy: Self.maximumSubjectLength)
        while end > subject.startIndex, String.Index(end, within: subject.unicodeScalars) == nil {
            end = subject.utf8.index(before: end)
        }
        var record = self
        record.subject = String(subject[..<end])
        return (record, true)
    }
}

extension OperationRecord: LogRecord {
    package var footprint: Int {
        MemoryLayout<OperationRecord>.size + operation.utf8.count + org.utf8.count + key.utf8.count + scope.utf8.count
            + subject.utf8.count + standardOutput.count + standardError.count
    }
}
