internal import AgentBackend

extension BackendError {
    /// `RESOURCE_EXHAUSTED`, with what to do about it. `retryAfter` nil: trying again does not help.
    static func overLimit(
        _ limit: CallAdmissionLimit,
        used: Int,
        allowed: Int,
        retryAfter: Duration?
    ) -> BackendError {
        BackendError(
            .resourceExhausted,
            message: limit.message(used: used, allowed: allowed),
            isRetryable: retryAfter != nil,
            retryAfter: retryAfter,
            limit: LimitDetails(name: limit.name, used: UInt64(clamping: used), allowed: UInt64(clamping: allowed))
        )
    }
}

extension CallAdmissionLimit {
    fileprivate func message(used: Int, allowed: Int) -> String {
        switch self {
        case .connections:
            "the org has \(used) connections, at most \(allowed) may be: close some, or have max_connections raised"
        case .callsInFlight:
            "the org has \(used) calls in flight, at most \(allowed) may be, and none ended in time: make fewer at a "
                + "time, or have max_calls_in_flight raised"
        case .commandsRunning:
            "the org runs \(used) commands, at most \(allowed) may run, and none ended in time: start fewer at a time, "
                + "or have max_running raised"
        case .bytesInFlight:
            "the unanswered calls of the org hold \(used) bytes, at most \(allowed) may be held: wait for answers, or "
                + "have max_bytes_in_flight raised"
        case .queuedCalls:
            "\(used) calls of the org wait already, at most \(allowed) may: slow down, or have max_queued_calls raised"
        case .callsPerSecond:
            "the org may make \(allowed) calls per second, and more have waited: slow down, or have "
                + "max_calls_per_second raised"
        case .bytesPerSecond:
            "the org may move \(allowed) bytes per second, and more were moved: slow down, or have "
                + "max_bytes_per_second raised"
        case .brokerCallsInFlight:
            "the broker has \(used) calls in flight, at most \(allowed) may be, and the org's turn did not come in "
                + "time: try again later"
        case .brokerCommandsRunning:
            "the broker runs \(used) commands, at most \(allowed) may run, and the org's turn did not come in time: "
                + "try again later"
        case .bufferedBytes:
            "answers that the org does not read, and frames that it does not end, hold \(used) bytes, at most "
                + "\(allowed) may be held, and this connection holds most of them: read answers, make fewer calls at a "
                + "time, or have max_bytes_in_flight raised"
        case .inspections:
            "\(used) calls of the org ask what goes on already, at most \(allowed) may: wait for their answers"
        }
    }
}
