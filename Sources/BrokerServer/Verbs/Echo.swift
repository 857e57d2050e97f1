internal import AgentBackend
internal import BrokerWire
internal import NIOCore

/// Returns its payload by way of the pool.
struct Echo: EntryVerb {
    static let name = "echo"
    static let isModifying = false
    static let attemptsFiles = false

    func attempt(_ payload: ByteBuffer, isWhole: Bool, on backend: some NonBlockingOperations) -> NonBlocking<Answer> {
        .done(Answer(.echo, payload: payload))
    }

    func perform(on backend: any Backend, _ stream: any CallStream) async throws(BackendError) -> Answer {
        Answer(.echo, payload: try await stream.receive() ?? ByteBuffer())
    }
}
