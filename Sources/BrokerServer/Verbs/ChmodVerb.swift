internal import AgentBackend
internal import BrokerWire
internal import NIOCore

extension Chmod: EntryVerb {
    static let name = "chmod"
    static let isModifying = true
    static let attemptsFiles = false

    var subject: [UInt8] { path }

    func attempt(_ payload: ByteBuffer, isWhole: Bool, on backend: some NonBlockingOperations) -> NonBlocking<Answer> {
        .wouldBlock
    }

    func perform(on backend: any Backend, _ stream: any CallStream) async throws(BackendError) -> Answer {
        Answer(.chmod(try await backend.chmod(try WorkspacePath(path), permissions: permissions)))
    }
}
