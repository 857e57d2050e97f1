internal import AgentBackend
internal import BrokerWire
internal import NIOCore

extension Extract: EntryVerb {
    static let name = "extract"
    static let isModifying = true
    static let attemptsFiles = false

    var subject: [UInt8] { path }

    func attempt(_ payload: ByteBuffer, isWhole: Bool, on backend: some NonBlockingOperations) -> NonBlocking<Answer> {
        .wouldBlock
    }

    func perform(on backend: any Backend, _ stream: any CallStream) async throws(BackendError) -> Answer {
        let writer = try await backend.openExtraction(into: try WorkspacePath(path), options: options)
        do throws(BackendError) {
            while let piece = try await stream.receive() { try await writer.write(piece) }
            let result = try await writer.commit()
            return Answer(.extract(result))
        } catch {
            await writer.abort()
            throw error
        }
    }
}
