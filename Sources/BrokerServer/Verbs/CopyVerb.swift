internal import AgentBackend
internal import BrokerWire
internal import NIOCore

extension Copy: EntryVerb {
    static let name = "copy"
    static let isModifying = true
    static let attemptsFiles = false

    var subject: [UInt8] { path + Array(" -> ".utf8) + destination }

    func attempt(_ payload: ByteBuffer, isWhole: Bool, on backend: some NonBlockingOperations) -> NonBlocking<Answer> {
        .preparing(try (WorkspacePath(path), WorkspacePath(destination))) { path, destination in
            backend.tryCopy(path, to: destination, options: options).map { Answer(.copy($0)) }
        }
    }

    func perform(on backend: any Backend, _ stream: any CallStream) async throws(BackendError) -> Answer {
        Answer(
            .copy(
                try await backend.copy(try WorkspacePath(path), to: try WorkspacePath(destination), options: options)
            )
        )
    }
}
