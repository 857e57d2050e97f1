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
            let answer = try await send(reader, to: stream)
            await reader.close()
            return answer
        } catch {
            await reader.close()
            throw error
        }
    }

    /// Sends all but the last piece, which is the answer. No more is read than the caller takes.
    private func send(_ reader: any FileReader, to stream: any CallStream) async throws(BackendError) -> Answer {
        var reply: Reply? = .read(reader.info)
        let wanted = range.span(ofFileWith: reader.info.size).count
        var remaining = wanted
        while remaining > 0 {
            let count = try await stream.reserve(upTo: Int(min(remaining, UInt64(Self.pieceLength))))
            // Nil: the file became shorter.
            guard let piece = try await reader.read(upTo: count) else { break }
            remaining -= UInt64(piece.readableBytes)
            if remaining == 0 { return Answer(reply, payload: piece, streamedBytes: wanted) }
            try await stream.send(reply, payload: piece)
            reply = nil
        }
        return Answer(reply, streamedBytes: wanted - remaining)
    }
}
