internal import AgentBackend
internal import BrokerWire
internal import NIOCore

extension Glob: EntryVerb {
    static let name = "glob"
    static let isModifying = false
    static let attemptsFiles = false

    var subject: [UInt8] { path + [UInt8(ascii: " ")] + pattern }

    func attempt(_ payload: ByteBuffer, isWhole: Bool, on backend: some NonBlockingOperations) -> NonBlocking<Answer> {
        .wouldBlock
    }

    func perform(on backend: any Backend, _ stream: any CallStream) async throws(BackendError) -> Answer {
        let (pattern, options) = try parsed()
        return Answer(.glob(try await backend.glob(pattern, options: options)))
    }
}
