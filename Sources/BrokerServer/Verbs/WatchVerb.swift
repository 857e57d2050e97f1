internal import AgentBackend
internal import BrokerWire
internal import NIOCore

/// Tells what changes until its caller has enough of it.
///
/// The paths draw credit: what waits for a caller that gives none is bounded by the watch.
extension WatchFiles: EntryVerb {
    static let name = "watch"
    static let isModifying = false
    static let attemptsFiles = false

    var subject: [UInt8] { path }

    func attempt(_ payload: ByteBuffer, isWhole: Bool, on backend: some NonBlockingOperations) -> NonBlocking<Answer> {
        .wouldBlock
    }

    func perform(on backend: any Backend, _ stream: any CallStream) async throws(BackendError) -> Answer {
        let watch = try await backend.watch(try parsed())
        defer { watch.close() }
        try await stream.send(.watchEvents(WatchEvents([WatchEvents.ready])), payload: ByteBuffer())
        while let changes = try await watch.nextBatch() {
            let (events, payload) = WatchEvents.encoding(changes)
            try await stream.send(.watchEvents(events), payload: payload)
        }
        return Answer(nil)
    }
}
