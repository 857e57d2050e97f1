internal import AgentBackend

extension BackendError {
    static let emptyCommand = BackendError(.emptyCommand, message: "the command is empty: say what to run")

    static let shuttingDown = BackendError(
        .shuttingDown,
        message: "the broker is shutting down and starts no more commands: connect to another one"
    )

    static let waitCancelled = BackendError(.cancelled, message: "the caller was cancelled while it waited")

    static func tooLarge(_ limit: String, used: Int, allowed: Int) -> BackendError {
        BackendError(
            .invalidArgument,
            reason: .tooLarge,
            message: "the command with its environment is too large: put the bulk of it into a file",
            limit: LimitDetails(name: limit, used: UInt64(used), allowed: UInt64(allowed))
        )
    }

    static func tooMany(_ limit: String, allowed: Int) -> BackendError {
        BackendError(
            .resourceExhausted,
            message: "too many commands at once: wait for others to end, then try again",
            isRetryable: true,
            limit: LimitDetails(name: limit, used: UInt64(allowed), allowed: UInt64(allowed))
        )
    }
}
