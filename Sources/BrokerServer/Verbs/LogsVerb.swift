internal import AgentBackend
internal import BrokerWire
internal import NIOCore

/// Tells a caller what is done from now on, until it has enough of it.
///
/// What waits for a caller that gives no credit is bounded by its buffer; what does not fit there is counted, and a line
/// of what the caller gets says so.
extension FollowLogs: StreamVerb {
    static let name = "logs"
    static let isModifying = false

    /// Bytes of lines that are made before they are sent, and others may use the event loop.
    private static let pieceSize = 64 << 10

    func perform(
        _ call: Call,
        in session: Session,
        of broker: BrokerCore,
        _ stream: any CallStream
    ) async throws(BackendError) -> Answer {
        let org = try session.inspected(org, of: broker)
        let limits = broker.configuration.current.log
        let follower = try broker.log.follow(
            org?.name,
            isVerbose: isVerbose,
            maximum: limits.maxFollowersPerOrg,
            buffer: limits.followerBufferBytes,
            allows: session.principal.isTold
        )
        defer { broker.log.unfollow(follower) }
        try await stream.send(.logs, payload: ByteBuffer())
        while let batch = await follower.next() {
            var lines = ByteBuffer()
            lines.write(missing: batch.missingBefore)
            for record in batch.records where session.principal.isTold(of: record.key) {
                lines.writeBytes(OperationLine.json.bytes(record))
                guard lines.readableBytes >= Self.pieceSize else { continue }
                try await stream.send(nil, payload: lines)
                lines.clear()
                await Task.yield()
            }
            lines.write(missing: batch.missingAfter)
            if lines.readableBytes > 0 { try await stream.send(nil, payload: lines) }
        }
        return Answer(nil)
    }
}

extension ByteBuffer {
    fileprivate mutating func write(missing count: UInt64) {
        guard count > 0 else { return }
        writeBytes(OperationLine.json.bytes(missing: count, at: systemWallClock()))
    }
}
