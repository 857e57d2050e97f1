internal import AgentBackend
internal import BrokerWire
internal import NIOCore

/// A watch on a broker, which sends no more than the window of a call ahead of what is read.
final class RemoteWatch: FileWatchSource {
    private let call: ClientCall

    /// Returns when the broker tells of all that happens from then on.
    init(_ call: ClientCall) async throws(BackendError) {
        guard let part = try await call.next(), !part.isLast, case .watchEvents(let events) = part.reply,
            events.events == [WatchEvents.ready]
        else { throw await call.strangeAnswer() }
        self.call = call
    }

    func nextBatch() async throws(BackendError) -> [FileChange]? {
        while true {
            guard let part = try await call.next() else { return nil }
            if part.isLast, part.reply == nil, part.payload.readableBytes == 0 { continue }
            guard !part.isLast, case .watchEvents(let events) = part.reply else { throw await call.strangeAnswer() }
            var payload = part.payload
            // A payload for which there was not credit enough goes on.
            while payload.readableBytes < events.payloadLength {
                guard let more = try await call.next(), !more.isLast, more.reply == nil, more.payload.readableBytes > 0
                else { throw await call.strangeAnswer() }
                payload.writeImmutableBuffer(more.payload)
            }
            guard let changes = events.changes(payload) else { throw await call.strangeAnswer() }
            if !changes.isEmpty { return changes }
        }
    }

    func close() {
        call.cancel()
    }
}
