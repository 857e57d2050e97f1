internal import AgentBackend
internal import BrokerWire
internal import NIOCore

extension Touch: EntryVerb {
    static let name = "touch"
    static let isModifying = true
    static let attemptsFiles = false

    var subject: [UInt8] { path }

    func attempt(_ payload: ByteBuffer, isWhole: Bool, on backend: some NonBlockingOperations) -> NonBlocking<Answer> {
        .preparing(try WorkspacePath(path)) { path in
            backend.tryTouch(path).map { Answer(.touch($0)) }
        }
    }

    func perform(on backend: any Backend, _ stream: any CallStream) async throws(BackendError) -> Answer {
        Answer(.touch(try await backend.touch(try WorkspacePath(path))))
    }
}
