internal import AgentBackend
internal import BrokerWire
internal import NIOCore

extension Symlink: EntryVerb {
    static let name = "symlink"
    static let isModifying = true
    static let attemptsFiles = false

    var subject: [UInt8] { path + Array(" -> ".utf8) + target }

    func attempt(_ payload: ByteBuffer, isWhole: Bool, on backend: some NonBlockingOperations) -> NonBlocking<Answer> {
        .wouldBlock
    }

    func perform(on backend: any Backend, _ stream: any CallStream) async throws(BackendError) -> Answer {
        try await backend.symlink(try WorkspacePath(path), to: try LinkTarget(target))
        return Answer(.symlink)
    }
}
