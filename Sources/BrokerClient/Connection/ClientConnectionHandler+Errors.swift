internal import AgentBackend
internal import BrokerWire

/// What a connection says of its peer and itself.
extension ClientConnectionHandler {
    static func noGreeting(_ deadline: Duration) -> BackendError {
        BackendError(
            .deadlineExceeded,
            message: "no answer to the hello within \(deadline): is it a broker that listens there?",
            isRetryable: true
        )
    }

    static func strangeGreeting(_ version: UInt32) -> BackendError {
        protocolError(
            "the broker greets a second time, or speaks version \(version) of the protocol and the client "
                + "\(protocolVersion): use a client that speaks it"
        )
    }

    static func unknownCall(_ id: UInt64) -> BackendError {
        protocolError("the broker answers call \(id), which was never made")
    }

    static func unansweredCancel(_ deadline: Duration) -> BackendError {
        BackendError(
            .deadlineExceeded,
            message: "the call was cancelled, and the broker did not say within \(deadline) that it is stopped: it may "
                + "still have its effect",
            maybeExecuted: true
        )
    }

    static let earlyFrame = protocolError("the broker did not answer the hello first: is it one that listens there?")
    static let endlessCredit = protocolError("the broker gave more than 2^62 bytes of credit")
    static let brokenCredit = protocolError("the broker sent more payload bytes than it had credit for")
    static let unknownAnswer = protocolError("the broker's answer is none that this client knows: use a newer client")
    static let silentBroker = BackendError(.deadlineExceeded, message: "the broker left several pings unanswered")

    private static func protocolError(_ message: String) -> BackendError {
        BackendError(.protocolError, message: message)
    }
}
