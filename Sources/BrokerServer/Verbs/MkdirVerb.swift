internal import AgentBackend
internal import BrokerWire
internal import NIOCore

extension Mkdir: EntryVerb {
    static let name = "mkdir"
    static let isModifying = true
    static let attemptsFiles = false

    var subject: [UInt8] { path }

    func attempt(_ payload: ByteBuffer, isWhole: Bool, on backend: some NonBlockingOperations) -> NonBlocking<Answer> {
        .preparing(try WorkspacePath(path)) { path in
            backend.tryMkdir(path, options: options).map { Answer(.mkdir) }
        }
    }

    func perform(on backend: any Backend, _ stream: any CallStream) async throws(BackendError) -> Answer {
        try await backend.mkdir(try WorkspacePath(path), options: options)
        return Answer(.mkdir)
    }
}
