package import AgentBackend
internal import Glibc

extension AuditFault {
    /// What is there is no log that can be gone on with, or no key.
    var isDamage: Bool { errno == EBADMSG || errno == EINVAL }

    /// For who starts a broker.
    var unusable: BackendError {
        let advice =
            isDamage
            ? "it was changed or damaged: look at it with agent-broker audit verify, then move its directory aside"
            : "make it a directory of the user that the broker runs as, or set audit.enabled: false"
        return BackendError(
            .invalidConfiguration,
            reason: .io,
            systemErrno: errno,
            message: "the audit log cannot be kept (\(self)); \(advice)",
            cause: self
        )
    }

    /// As ``unwritten``, for who asks what was recorded.
    package var unreadable: BackendError {
        BackendError(
            .readFailed,
            reason: .io,
            systemErrno: errno,
            message: "the audit log cannot be read (\(summary)): have the operator look at it",
            cause: self
        )
    }

    /// For a client: nothing of the host but what kind of failure it was.
    var unwritten: BackendError {
        let why =
            switch errno {
            case ETIMEDOUT: "it did not take the record in time"
            case EAGAIN: "too many records wait for it"
            default: summary
            }
        return BackendError(
            .resourceExhausted,
            reason: errno == ENOSPC || errno == EDQUOT ? .noSpace : .io,
            systemErrno: errno,
            message:
                "the audit log cannot be written (\(why)), and nothing is changed without a record: nothing was done; "
                + "try again later, and have the operator make room for it",
            isRetryable: true,
            retryAfter: .seconds(1),
            cause: self
        )
    }
}
