internal import AgentBackend
internal import BrokerWire
internal import NIOCore

extension Archive: EntryVerb {
    static let name = "archive"
    static let isModifying = false
    static let attemptsFiles = false

    var subject: [UInt8] { path }

    private static let pieceLength = 256 << 10

    func attempt(_ payload: ByteBuffer, isWhole: Bool, on backend: some NonBlockingOperations) -> NonBlocking<Answer> {
        .wouldBlock
    }

    func perform(on backend: any Backend, _ stream: any CallStream) async throws(BackendError) -> Answer {
        let reader = try await backend.openArchive(try WorkspacePath(path), options: try parsed())
        do throws(BackendError) {
            let count = try await send(reader, to: stream)
            let answer = Answer(.archive(reader.summary), streamedBytes: count)
            await reader.close()
            return answer
        } catch {
            await reader.close()
            throw error
        }
    }

    /// Sends all of it, and returns how many bytes that were. No more is made than the caller takes.
    private func send(_ reader: any ArchiveReader, to stream: any CallStream) async throws(BackendError) -> UInt64 {
        var sent: UInt64 = 0
        while true {
            let count = try await stream.reserve(upTo: Self.pieceLength)
            guard let piece = try await reader.read(upTo: count) else { return sent }
            sent += UInt64(piece.readableBytes)
            try await stream.send(nil, payload: piece)
        }
    }
}
