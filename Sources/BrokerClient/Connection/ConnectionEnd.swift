internal import AgentBackend

/// Why a connection takes no more calls, and what its calls are told.
enum ConnectionEnd: Sendable {
    /// The broker did not accept the hello.
    case refused(BackendError)
    /// The broker starts nothing more. Nil: a planned shutdown.
    case brokerDrains(BackendError?)
    /// It is gone. `cause`: what the broker said before, or the system.
    case lost(cause: (any Error)?)
    /// The broker broke the protocol.
    case fault(BackendError)
    case closedByOwner

    /// Of a connection that never came to be.
    var errorOfGreeting: BackendError {
        switch self {
        case .refused(let error), .fault(let error): error
        case .brokerDrains, .lost, .closedByOwner: errorOfUnsentCall
        }
    }

    /// Of a call that the broker cannot have begun.
    var errorOfUnsentCall: BackendError {
        switch self {
        case .brokerDrains(nil):
            BackendError(
                .shuttingDown,
                message: "the broker shuts down and did not start the call: connect again and repeat it",
                isRetryable: true
            )
        case .brokerDrains(let error?), .refused(let error):
            Self.unsent("the broker ended the connection", cause: error)
        case .lost(let cause):
            Self.unsent("the connection to the broker was lost", cause: cause)
        case .fault(let error):
            Self.unsent("the connection was closed for a fault of the broker", cause: error)
        case .closedByOwner:
            Self.unsent("the connection is closed", cause: nil)
        }
    }

    /// Of a call that was sent and not answered to its end.
    var errorOfSentCall: BackendError {
        switch self {
        case .brokerDrains(let error), .refused(let error as BackendError?):
            Self.unanswered("the broker ended the connection", cause: error)
        case .lost(let cause):
            Self.unanswered("the connection to the broker was lost", cause: cause)
        case .fault(let error):
            BackendError(error.code, reason: error.reason, message: error.message, maybeExecuted: true)
        case .closedByOwner:
            Self.unanswered("the connection was closed", cause: nil)
        }
    }

    /// Of the connection itself, as its keeper tells of it.
    var errorOfConnection: BackendError {
        switch self {
        case .brokerDrains(nil):
            BackendError(.shuttingDown, message: "the broker shuts down: it will be asked again", isRetryable: true)
        case .refused(let error), .fault(let error), .brokerDrains(let error?):
            error
        case .lost(let cause):
            BackendError(
                .connectionClosed,
                message: "the connection to the broker was lost",
                isRetryable: true,
                cause: cause
            )
        case .closedByOwner:
            BackendError(.connectionClosed, message: "the connection is closed", isRetryable: true)
        }
    }

    private static func unsent(_ what: String, cause: (any Error)?) -> BackendError {
        BackendError(
            .connectionClosed,
            message: "\(what) before the call was sent: connect again and repeat it",
            isRetryable: true,
            cause: cause
        )
    }

    private static func unanswered(_ what: String, cause: (any Error)?) -> BackendError {
        BackendError(
            .connectionClosed,
            message: "\(what) before the call was answered: find out whether it had its effect before you repeat it",
            maybeExecuted: true,
            cause: cause
        )
    }
}
