internal import AgentBackend
internal import BrokerWire
internal import NIOCore

extension Edit: EntryVerb {
    static let name = "edit"
    static let isModifying = true
    static let attemptsFiles = false

    var subject: [UInt8] { path }

    func attempt(_ payload: ByteBuffer, isWhole: Bool, on backend: some NonBlockingOperations) -> NonBlocking<Answer> {
        .wouldBlock
    }

    func perform(on backend: any Backend, _ stream: any CallStream) async throws(BackendError) -> Answer {
        Answer(.edit(try await backend.edit(try WorkspacePath(path), edits, options: options)))
    }
}
