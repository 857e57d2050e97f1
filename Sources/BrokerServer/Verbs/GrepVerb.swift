internal import AgentBackend
internal import BrokerWire
internal import NIOCore

extension Grep: EntryVerb {
    static let name = "grep"
    static let isModifying = false
    static let attemptsFiles = false

    var subject: [UInt8] { path + [UInt8(ascii: " ")] + pattern }

    func attempt(_ payload: ByteBuffer, isWhole: Bool, on backend: some NonBlockingOperations) -> NonBlocking<Answer> {
        .wouldBlock
    }

    func perform(on backend: any Backend, _ stream: any CallStream) async throws(BackendError) -> Answer {
        let (pattern, options) = try parsed()
        return Answer(.grep(try await backend.grep(pattern, options: options)))
    }
}
