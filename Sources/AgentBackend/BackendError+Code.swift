extension BackendError {
    /// What failed. The raw values are those of `ErrorCode` in `Protos/agentbroker/v1/error.proto`; one
    /// that a newer peer sent and this build does not know keeps its number.
    public struct Code: RawRepresentable, Hashable, Sendable {
        public var rawValue: UInt32

        public init(rawValue: UInt32) {
            self.rawValue = rawValue
        }

        public static let emptyCommand = Code(rawValue: 1)
        public static let unsafeCommand = Code(rawValue: 2)
        public static let execFailed = Code(rawValue: 3)
        public static let execError = Code(rawValue: 4)
        public static let readFailed = Code(rawValue: 5)
        public static let writeFailed = Code(rawValue: 6)
        public static let lsFailed = Code(rawValue: 7)
        public static let pathEscapeAttempt = Code(rawValue: 8)
        public static let missingUtilities = Code(rawValue: 9)
        public static let invalidConfiguration = Code(rawValue: 10)
        public static let dangerousOperation = Code(rawValue: 11)
        public static let connectionClosed = Code(rawValue: 12)
        public static let authFailed = Code(rawValue: 13)
        public static let keyNotFound = Code(rawValue: 14)
        public static let notImplemented = Code(rawValue: 15)

        public static let invalidArgument = Code(rawValue: 32)
        public static let notFound = Code(rawValue: 33)
        public static let conflict = Code(rawValue: 34)
        public static let permissionDenied = Code(rawValue: 35)
        public static let resourceExhausted = Code(rawValue: 36)
        public static let deadlineExceeded = Code(rawValue: 37)
        public static let cancelled = Code(rawValue: 38)
        public static let backendDestroyed = Code(rawValue: 39)
        public static let shuttingDown = Code(rawValue: 40)
        public static let protocolError = Code(rawValue: 41)
        public static let `internal` = Code(rawValue: 42)
    }

    /// Why it failed. The raw values are those of `ErrorReason` in `error.proto`.
    public struct Reason: RawRepresentable, Hashable, Sendable {
        public var rawValue: UInt32

        public init(rawValue: UInt32) {
            self.rawValue = rawValue
        }

        public static let notFound = Reason(rawValue: 1)
        public static let exists = Reason(rawValue: 2)
        public static let isDirectory = Reason(rawValue: 3)
        public static let notDirectory = Reason(rawValue: 4)
        public static let notEmpty = Reason(rawValue: 5)
        public static let denied = Reason(rawValue: 6)
        public static let noSpace = Reason(rawValue: 7)
        public static let tooLarge = Reason(rawValue: 8)
        public static let notText = Reason(rawValue: 9)
        public static let notRegular = Reason(rawValue: 10)
        public static let loop = Reason(rawValue: 11)
        public static let busy = Reason(rawValue: 12)
        public static let readOnly = Reason(rawValue: 13)
        public static let crossDevice = Reason(rawValue: 14)
        public static let io = Reason(rawValue: 15)
        public static let noMatch = Reason(rawValue: 16)
        public static let notUnique = Reason(rawValue: 17)
    }
}

extension BackendError.Code: CustomStringConvertible {
    /// The name that the documentation and the seed use, such as `READ_FAILED`.
    public var description: String { Self.names[self] ?? "ERROR_\(rawValue)" }

    private static let names: [Self: String] = [
        .emptyCommand: "EMPTY_COMMAND",
        .unsafeCommand: "UNSAFE_COMMAND",
        .execFailed: "EXEC_FAILED",
        .execError: "EXEC_ERROR",
        .readFailed: "READ_FAILED",
        .writeFailed: "WRITE_FAILED",
        .lsFailed: "LS_FAILED",
        .pathEscapeAttempt: "PATH_ESCAPE_ATTEMPT",
        .missingUtilities: "MISSING_UTILITIES",
        .invalidConfiguration: "INVALID_CONFIGURATION",
        .dangerousOperation: "DANGEROUS_OPERATION",
        .connectionClosed: "CONNECTION_CLOSED",
        .authFailed: "AUTH_FAILED",
        .keyNotFound: "KEY_NOT_FOUND",
        .notImplemented: "NOT_IMPLEMENTED",
        .invalidArgument: "INVALID_ARGUMENT",
        .notFound: "NOT_FOUND",
        .conflict: "CONFLICT",
        .permissionDenied: "PERMISSION_DENIED",
        .resourceExhausted: "RESOURCE_EXHAUSTED",
        .deadlineExceeded: "DEADLINE_EXCEEDED",
        .cancelled: "CANCELLED",
        .backendDestroyed: "BACKEND_DESTROYED",
        .shuttingDown: "SHUTTING_DOWN",
        .protocolError: "PROTOCOL_ERROR",
        .internal: "INTERNAL",
    ]
}

extension BackendError.Reason: CustomStringConvertible {
    /// The name that the documentation uses, such as `NOT_FOUND`.
    public var description: String { Self.names[self] ?? "REASON_\(rawValue)" }

    private static let names: [Self: String] = [
        .notFound: "NOT_FOUND",
        .exists: "EXISTS",
        .isDirectory: "IS_DIRECTORY",
        .notDirectory: "NOT_DIRECTORY",
        .notEmpty: "NOT_EMPTY",
        .denied: "DENIED",
        .noSpace: "NO_SPACE",
        .tooLarge: "TOO_LARGE",
        .notText: "NOT_TEXT",
        .notRegular: "NOT_REGULAR",
        .loop: "LOOP",
        .busy: "BUSY",
        .readOnly: "READ_ONLY",
        .crossDevice: "CROSS_DEVICE",
        .io: "IO",
        .noMatch: "NO_MATCH",
        .notUnique: "NOT_UNIQUE",
    ]
}
