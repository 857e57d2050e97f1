internal import AgentBackend
internal import BrokerWire
internal import NIOCore

extension Write: EntryVerb {
    static let name = "write"
    static let isModifying = true
    static let attemptsFiles = false

    var subject: [UInt8] { path }

    func attempt(_ payload: ByteBuffer, isWhole: Bool, on backend: some NonBlockingOperations) -> NonBlocking<Answer> {
        guard isWhole else { return .wouldBlock }
        return .preparing(try WorkspacePath(path)) { path in
            backend.tryWrite(path, payload, options: options).map { Answer(.write($0)) }
        }
    }

    func perform(on backend: any Backend, _ stream: any CallStream) async throws(BackendError) -> Answer {
        let path = try WorkspacePath(path)
        let first = try await stream.receive() ?? ByteBuffer()
        guard let second = try await stream.receive() else {
            return Answer(.write(try await backend.write(path, first, options: options)))
        }
        let writer = try await backend.openWriter(path, options: options)
        do throws(BackendError) {
            try await writer.write(first)
            try await writer.write(second)
            while let piece = try await stream.receive() {
                try await writer.write(piece)
            }
            return Answer(.write(try await writer.commit()))
        } catch {
            await writer.abort()
            throw error
        }
    }
}
