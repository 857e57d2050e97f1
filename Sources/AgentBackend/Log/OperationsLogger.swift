/// Which operations are logged.
public enum OperationsLogMode: UInt32, Sendable {
    /// Operations that change something, and commands.
    case standard = 1
    /// All of them.
    case verbose = 2

    /// Whether such an operation is logged.
    package func records(isModifying: Bool) -> Bool {
        isModifying || self == .verbose
    }
}

/// Takes a record of each operation. Called on event loops, from several threads at once: it must not block, and a
/// failure of its own never fails the operation. The loggers of this library keep to that; wrap one of your own that
/// may take its time into a ``BufferedOperationsLogger``.
public protocol OperationsLogger: Sendable {
    func record(_ record: OperationRecord)
}
