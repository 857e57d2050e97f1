internal import BrokerWire

/// What a broker said of itself when it accepted the connection.
struct BrokerGreeting: Sendable {
    let identity: BrokerIdentity
    let limits: ConnectionLimits
    /// Of the broker's run: another one knows nothing of what this one did.
    let instance: UInt64

    init(_ reply: HelloReply) {
        identity = BrokerIdentity(
            serverVersion: reply.serverVersion,
            node: reply.node,
            org: reply.org,
            isOperator: reply.isOperator,
            isReadOnly: reply.isReadOnly
        )
        limits = ConnectionLimits(reply.limits)
        instance = reply.instance
    }
}

/// The session's limits, as far as a client needs them. Bytes.
struct ConnectionLimits: Sendable, Hashable {
    let streamWindow: Int
    /// Of a message without its payload.
    let headLength: Int
    /// Payload that one frame of a stream carries at most: a large one lets others in between.
    let pieceLength: Int
    /// Payload of an operation that takes all of it with its first frame.
    let wholePayloadLength: Int

    init(_ limits: SessionLimits = SessionLimits()) {
        streamWindow = Int(limits.streamWindow)
        headLength = Int(limits.maximumHeadLength)
        let payloadLength = max(1, Int(limits.maximumFrameLength) - Self.headReserve)
        pieceLength = min(payloadLength, 256 << 10)
        wholePayloadLength = min(payloadLength, streamWindow, Int(limits.connectionWindow))
    }

    /// Room in a frame for what stands beside its payload: two paths, a key, a trace context.
    private static let headReserve = 16 << 10
}
