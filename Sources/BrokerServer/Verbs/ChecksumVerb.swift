internal import AgentBackend
internal import BrokerWire
internal import NIOCore

extension Checksum: EntryVerb {
    static let name = "checksum"
    static let isModifying = false
    static let attemptsFiles = false

    var subject: [UInt8] { path }

    func attempt(_ payload: ByteBuffer, isWhole: Bool, on backend: some NonBlockingOperations) -> NonBlocking<Answer> {
        .wouldBlock
    }

    func perform(on backend: any Backend, _ stream: any CallStream) async throws(BackendError) -> Answer {
        Answer(.checksum(try await backend.checksum(try WorkspacePath(path), range: range)))
    }
}
