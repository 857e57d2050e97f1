internal import AgentBackend

/// A value of ours and the C message that stands for it on the wire. One file per area of `Protos/`.
protocol WireMessage {
    associatedtype CMessage

    /// Throws `INVALID_ARGUMENT` for what the proto file does not allow.
    init(_ message: CMessage) throws(BackendError)

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<CMessage>
}
