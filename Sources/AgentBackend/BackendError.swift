/// What every backend, the pool, the broker and its client throw.
///
/// Switch on ``code`` and, where a code has several causes, on ``reason``; the message is for people. One
/// pointer wide, so that it costs nothing to carry on paths that seldom throw. A value; safe to share.
public struct BackendError: Error, Sendable {
    private var storage: Storage

    /// What failed. Stable, also over the wire.
    public var code: Code { storage.code }
    /// Why, where a code has several causes.
    public var reason: Reason? { storage.reason }
    /// errno(3) of the system call that failed, 0 where none did.
    public var systemErrno: Int32 { storage.systemErrno }
    /// One sentence that says what to do next.
    public var message: String { storage.message }
    /// The operation that failed, such as "read". Empty where there is none.
    public var operation: String { storage.operation }
    /// The same call may succeed later, unchanged.
    public var isRetryable: Bool { storage.isRetryable }
    /// The call may have had its effect although it failed.
    public var maybeExecuted: Bool { storage.maybeExecuted }
    /// The least time to wait before trying again, where the broker knows one.
    public var retryAfter: Duration? { storage.retryAfter }
    /// The limit that was reached, where one was.
    public var limit: LimitDetails? { storage.limit }
    /// Of a `CONFLICT` over a file's version: the present one. Nil: there is no such file any more.
    public var currentEtag: Etag? { storage.currentEtag }
    /// Of an edit whose text is not there as often as it has to be.
    public var editMismatch: EditMismatch? { storage.editMismatch }
    /// What brought this about, for the log. Not sent over the wire.
    public var cause: (any Error)? { storage.cause }

    public init(
        _ code: Code,
        reason: Reason? = nil,
        systemErrno: Int32 = 0,
        message: String,
        operation: String = "",
        isRetryable: Bool = false,
        maybeExecuted: Bool = false,
        retryAfter: Duration? = nil,
        limit: LimitDetails? = nil,
        currentEtag: Etag? = nil,
        editMismatch: EditMismatch? = nil,
        cause: (any Error)? = nil
    ) {
        storage = Storage(
            code: code,
            reason: reason,
            systemErrno: systemErrno,
            message: message,
            operation: operation,
            isRetryable: isRetryable,
            maybeExecuted: maybeExecuted,
            retryAfter: retryAfter,
            limit: limit,
            currentEtag: currentEtag,
            editMismatch: editMismatch,
            cause: cause
        )
    }

    /// What was to be written expects another version of the file than the present one.
    package static func versionConflict(_ path: WorkspacePath, current: Etag?) -> BackendError {
        BackendError(
            .conflict,
            message: current == nil
                ? "\(path) is not there any more: read what took its place, or write it without an expected etag"
                : "\(path) was changed meanwhile: read it again, and write what follows from that",
            currentEtag: current
        )
    }

    /// The same error, told of the operation that met it, unless it names one already.
    public func during(_ operation: String) -> BackendError {
        guard storage.operation.isEmpty else { return self }
        return BackendError(
            code,
            reason: reason,
            systemErrno: systemErrno,
            message: message,
            operation: operation,
            isRetryable: isRetryable,
            maybeExecuted: maybeExecuted,
            retryAfter: retryAfter,
            limit: limit,
            currentEtag: currentEtag,
            editMismatch: editMismatch,
            cause: cause
        )
    }

    private final class Storage: Sendable {
        let code: Code
        let reason: Reason?
        let systemErrno: Int32
        let message: String
        let operation: String
        let isRetryable: Bool
        let maybeExecuted: Bool
        let retryAfter: Duration?
        let limit: LimitDetails?
        let currentEtag: Etag?
        let editMismatch: EditMismatch?
        let cause: (any Error)?

        init(
            code: Code,
            reason: Reason?,
            systemErrno: Int32,
            message: String,
            operation: String,
            isRetryable: Bool,
            maybeExecuted: Bool,
            retryAfter: Duration?,
            limit: LimitDetails?,
            currentEtag: Etag?,
            editMismatch: EditMismatch?,
            cause: (any Error)?
        ) {
            self.code = code
            self.reason = reason
            self.systemErrno = systemErrno
            self.message = message
            self.operation = operation
            self.isRetryable = isRetryable
            self.maybeExecuted = maybeExecuted
            self.retryAfter = retryAfter
            self.limit = limit
            self.currentEtag = currentEtag
            self.editMismatch = editMismatch
            self.cause = cause
        }
    }
}

/// A limit that was reached. The numbers are in the unit that the name ends in.
public struct LimitDetails: Sendable, Hashable {
    public var name: String
    public var used: UInt64
    /// What was to come on top of it, where that is told; else 0.
    public var asked: UInt64
    public var allowed: UInt64

    public init(name: String, used: UInt64, asked: UInt64 = 0, allowed: UInt64) {
        self.name = name
        self.used = used
        self.asked = asked
        self.allowed = allowed
    }
}

extension BackendError: CustomStringConvertible {
    /// `READ_FAILED (NOT_FOUND) read: no such file: notes.txt`
    public var description: String {
        var text = code.description
        if let reason { text += " (\(reason))" }
        text += operation.isEmpty ? ": " : " \(operation): "
        text += message
        if let cause { text += " [\(cause)]" }
        return text
    }
}
