internal import AgentBackend
internal import BrokerWire
internal import NIOCore

extension Read: EntryVerb {
    static let name = "read"
    static let isModifying = false
    static let attemptsFiles = true

    var subject: [UInt8] { path }

    /// Bytes that are read on the spot; more would keep the event loop from other connections for too long.
    private static let maximumAttempt = 64 << 10
    /// Bytes that are read at a time.
    private static let pieceLength = 256 << 10

    func attempt(_ payload: ByteBuffer, isWhole: Bool, on backend: some NonBlockingOperations) -> NonBlocking<Answer> {
        .preparing(try WorkspacePath(path)) { path in
            backend.tryRead(path, range: range, maximum: Self.maximumAttempt)
                .map { info, contents in Answer(.read(info), payload: contents) }
        }
    }

    func perform(on backend: any Backend, _ stream: any CallStream) async throws(BackendError) -> Answer {
        let reader = try await backend.openReader(try WorkspacePath(path), range: range)
        do throws(BackendError) {
            var reply: Reply? = .read(reader.info)
            // A piece is sent when the next one is there, so that the final frame is known as such.
            var piece = try await reader.read(upTo: Self.pieceLength) ?? ByteBuffer()
            while let next = try await reader.read(upTo: Self.pieceLength) {
                try await stream.send(reply, payload: piece)
                reply = nil
                piece = next
            }
            await reader.close()
            return Answer(reply, payload: piece)
        } catch {
            await reader.close()
            throw error
        }
    }
}
