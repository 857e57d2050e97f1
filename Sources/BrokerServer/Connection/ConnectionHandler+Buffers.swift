internal import AgentBackend
internal import BrokerWire
internal import NIOCore

/// What the connection makes the broker keep beside its calls counts for its org.
extension ConnectionHandler {
    /// Tells the org's account where that has changed much. Where the org's connections keep too much by it, one of them
    /// has to go.
    func accountForBuffers() {
        guard let session, !hasEnded else { return }
        let kept = unfinishedBytes + Int(clamping: bytesOut - bytesTaken) + reserved
        let counted = kept < Self.leastBuffer ? 0 : kept
        guard counted != countedBuffers, counted == 0 || abs(counted - countedBuffers) >= Self.leastBuffer else {
            return
        }
        countedBuffers = counted
        entry.keepsBuffers(counted, session.org, settings.admission)
    }

    /// Before a flush: notes when the kernel has taken what was written so far. False: that is little more than before.
    func followWritten() -> Bool {
        guard let context, bytesOut - bytesFollowed >= Self.leastBuffer else { return false }
        bytesFollowed = bytesOut
        let count = bytesOut
        let written = eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenSuccess { [self] in
            bytesTaken = max(bytesTaken, count)
            accountForBuffers()
        }
        context.write(wrapOutboundOut(ByteBuffer()), promise: written)
        return true
    }

    /// The connection ends.
    func releaseBuffers() {
        guard let session, countedBuffers > 0 else { return }
        countedBuffers = 0
        entry.keepsBuffers(0, session.org, settings.admission)
    }

    /// Bytes: less is not worth an entry in the books.
    private static var leastBuffer: Int { 32 << 10 }
}
