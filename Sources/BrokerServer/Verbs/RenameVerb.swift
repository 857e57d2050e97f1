internal import AgentBackend
internal import BrokerWire
internal import NIOCore

extension Rename: EntryVerb {
    static let name = "rename"
    static let isModifying = true
    static let attemptsFiles = false

    var subject: [UInt8] { path + Array(" -> ".utf8) + destination }

    func attempt(_ payload: ByteBuffer, isWhole: Bool, on backend: some NonBlockingOperations) -> NonBlocking<Answer> {
        .preparing(try (WorkspacePath(path), WorkspacePath(destination))) { path, destination in
            backend.tryRename(path, to: destination, options: options).map { Answer(.rename) }
        }
    }

    func perform(on backend: any Backend, _ stream: any CallStream) async throws(BackendError) -> Answer {
        try await backend.rename(try WorkspacePath(path), to: try WorkspacePath(destination), options: options)
        return Answer(.rename)
    }
}
