internal import AgentBackend
internal import CBrokerProtos

extension BackendError: WireMessage {
    init(_ message: Agentbroker__V1__Error) throws(BackendError) {
        var limit: LimitDetails?
        if message.details_case == AGENTBROKER__V1__ERROR__DETAILS_LIMIT, let details = message.limit?.pointee {
            limit = LimitDetails(
                name: try MessageReader.string(details.limit, "error.limit"),
                used: details.used,
                asked: details.asked,
                allowed: details.allowed
            )
        }
        var currentEtag: Etag?
        if message.details_case == AGENTBROKER__V1__ERROR__DETAILS_VERSION, let details = message.version?.pointee {
            currentEtag = Etag(wire: details.current_etag)
        }
        var mismatch: EditMismatch?
        if message.details_case == AGENTBROKER__V1__ERROR__DETAILS_EDIT, let details = message.edit?.pointee {
            mismatch = EditMismatch(index: details.index, occurrences: details.occurrences)
        }
        self.init(
            Code(rawValue: message.code.rawValue),
            reason: message.reason.rawValue == 0 ? nil : Reason(rawValue: message.reason.rawValue),
            systemErrno: Int32(truncatingIfNeeded: message.system_errno),
            message: try MessageReader.string(message.message, "error.message"),
            operation: try MessageReader.string(message.operation, "error.operation"),
            isRetryable: message.retryable != 0,
            maybeExecuted: message.maybe_executed != 0,
            retryAfter: message.retry_after_ms == 0 ? nil : .milliseconds(message.retry_after_ms),
            limit: limit,
            currentEtag: currentEtag,
            editMismatch: mismatch
        )
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__Error> {
        let message = builder.make(agentbroker__v1__error__init)
        message.pointee.code = Agentbroker__V1__ErrorCode(rawValue: code.rawValue)
        message.pointee.reason = Agentbroker__V1__ErrorReason(rawValue: reason?.rawValue ?? 0)
        message.pointee.system_errno = UInt32(bitPattern: systemErrno)
        message.pointee.message = builder.string(self.message)
        message.pointee.operation = builder.string(operation)
        message.pointee.retryable = isRetryable ? 1 : 0
        message.pointee.maybe_executed = maybeExecuted ? 1 : 0
        // Upwards: who comes a moment too early waits again.
        let retryAfter = retryAfter.map { $0 + .milliseconds(1) - Duration(attoseconds: 1) }
        message.pointee.retry_after_ms = UInt32(clamping: retryAfter?.inMilliseconds ?? 0)
        if let limit {
            let details = builder.make(agentbroker__v1__limit_details__init)
            details.pointee.limit = builder.string(limit.name)
            details.pointee.used = limit.used
            details.pointee.asked = limit.asked
            details.pointee.allowed = limit.allowed
            message.pointee.details_case = AGENTBROKER__V1__ERROR__DETAILS_LIMIT
            message.pointee.limit = details
        } else if let currentEtag {
            let details = builder.make(agentbroker__v1__version_details__init)
            details.pointee.current_etag = builder.etag(currentEtag)
            message.pointee.details_case = AGENTBROKER__V1__ERROR__DETAILS_VERSION
            message.pointee.version = details
        } else if let editMismatch {
            let details = builder.make(agentbroker__v1__edit_details__init)
            details.pointee.index = editMismatch.index
            details.pointee.occurrences = editMismatch.occurrences
            message.pointee.details_case = AGENTBROKER__V1__ERROR__DETAILS_EDIT
            message.pointee.edit = details
        }
        return message
    }
}
