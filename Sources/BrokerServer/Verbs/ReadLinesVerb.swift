internal import AgentBackend
internal import BrokerWire
internal import NIOCore

extension ReadLines: EntryVerb {
    static let name = "read_lines"
    static let isModifying = false
    static let attemptsFiles = false

    var subject: [UInt8] { path }

    func attempt(_ payload: ByteBuffer, isWhole: Bool, on backend: some NonBlockingOperations) -> NonBlocking<Answer> {
        .wouldBlock
    }

    func perform(on backend: any Backend, _ stream: any CallStream) async throws(BackendError) -> Answer {
        Answer(.readLines(try await backend.readLines(try WorkspacePath(path), window: window)))
    }
}
