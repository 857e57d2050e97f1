internal import AgentBackend
internal import BrokerWire
internal import NIOCore

extension DeleteKey: EntryVerb {
    static let name = "delete_key"
    static let isModifying = true
    static let attemptsFiles = false

    var subject: [UInt8] { key }

    func attempt(_ payload: ByteBuffer, isWhole: Bool, on backend: some NonBlockingOperations) -> NonBlocking<Answer> {
        .preparing(try WorkspacePath(key)) { key in
            backend.tryDeleteKey(key).map { Answer(.deleteKey(deleted: $0)) }
        }
    }

    func perform(on backend: any Backend, _ stream: any CallStream) async throws(BackendError) -> Answer {
        Answer(.deleteKey(deleted: try await backend.deleteKey(try WorkspacePath(key))))
    }
}
