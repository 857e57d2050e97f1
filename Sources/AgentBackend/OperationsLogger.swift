/// Which operations are logged.
public enum OperationsLogMode: UInt32, Sendable {
    /// Operations that change something, and commands.
    case standard = 1
    /// All of them.
    case verbose = 2
}

/// One operation that was carried out or refused. Values of environment variables are never in it.
public struct OperationRecord: Sendable {
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
    /// Bytes read or written.
    public var bytes: UInt64
    /// Of a command that ended by itself.
    public var exitCode: UInt32?

    public init(
        operation: String,
        org: String = "",
        key: String = "",
        scope: String = "",
        subject: String = "",
        failure: BackendError.Code? = nil,
        duration: Duration = .zero,
        bytes: UInt64 = 0,
        exitCode: UInt32? = nil
    ) {
        self.operation = operation
        self.org = org
        self.key = key
        self.scope = scope
        self.subject = subject
        self.failure = failure
        self.duration = duration
        self.bytes = bytes
        self.exitCode = exitCode
    }
}

/// Takes a record of each operation. Called on event loops: it must not block, and a failure of its own never
/// fails the operation.
public protocol OperationsLogger: Sendable {
    func record(_ record: OperationRecord)
}
