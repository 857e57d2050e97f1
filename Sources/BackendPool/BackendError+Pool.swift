internal import AgentBackend

extension BackendError {
    static let poolIsShuttingDown = BackendError(
        .shuttingDown,
        message: "the pool hands out no more leases: ask another broker, or this one after its restart",
        operation: "acquire",
        isRetryable: true
    )

    static let acquireWasCancelled = BackendError(
        .cancelled,
        message: "the caller stopped waiting for the entry",
        operation: "acquire"
    )

    static let configurationConflict = BackendError(
        .conflict,
        message: "the key is in use with another configuration: ask for the same one or for none, "
            + "or wait until the entry has ended",
        operation: "acquire"
    )

    static let creationTookTooLong = BackendError(
        .deadlineExceeded,
        message: "the entry was still being made at the deadline: try again, it may be ready by then",
        operation: "acquire",
        isRetryable: true
    )

    /// The queue's deadline passed. `limit` is the one that was in the way.
    static func noRoomInTime(_ limit: LimitDetails, retryAfter: Duration) -> BackendError {
        BackendError(
            .resourceExhausted,
            message: "no room until the deadline (\(limit.name)): release leases, or have the limit raised",
            operation: "acquire",
            isRetryable: true,
            retryAfter: retryAfter,
            limit: limit
        )
    }

    static func tooManyWaiters(_ limit: LimitDetails, retryAfter: Duration) -> BackendError {
        BackendError(
            .resourceExhausted,
            message: "too many acquires of this org wait already: slow down, or have the limit raised",
            operation: "acquire",
            isRetryable: true,
            retryAfter: retryAfter,
            limit: limit
        )
    }

    static func noEntriesAllowed(_ limit: LimitDetails) -> BackendError {
        BackendError(
            .resourceExhausted,
            message: "this org may have no entries at all: have the limit raised",
            operation: "acquire",
            limit: limit
        )
    }

    /// The creation failed a moment ago, and the next try comes after the caller's deadline.
    static func creationRests(after error: BackendError, for rest: Duration) -> BackendError {
        BackendError(
            error.code,
            reason: error.reason,
            systemErrno: error.systemErrno,
            message: "the entry could not be made a moment ago: \(error.message)",
            operation: "acquire",
            isRetryable: true,
            retryAfter: rest,
            limit: error.limit,
            cause: error
        )
    }
}
