internal import CBrokerProtos

/// What became of the calls that were in flight when a broker began to end; see `admin.proto`.
package struct DrainReport: Sendable, Hashable {
    /// Open when it began.
    package var connections: UInt32 = 0
    /// Came to their own end.
    package var finished: UInt64 = 0
    /// Were cancelled because the time was up.
    package var cancelled: UInt64 = 0
    /// Lost their connection.
    package var abandoned: UInt64 = 0

    package init() {}
}

extension DrainReport: WireMessage {
    init(_ message: Agentbroker__V1__DrainReply) {
        connections = message.connections
        finished = message.finished
        cancelled = message.cancelled
        abandoned = message.abandoned
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__DrainReply> {
        let message = builder.make(agentbroker__v1__drain_reply__init)
        message.pointee.connections = connections
        message.pointee.finished = finished
        message.pointee.cancelled = cancelled
        message.pointee.abandoned = abandoned
        return message
    }
}
