internal import AgentBackend
internal import BrokerWire
internal import NIOCore

/// Removes all keys of a memory backend's scope.
struct ClearKeys: EntryVerb {
    static let name = "clear_keys"
    static let isModifying = true
    static let attemptsFiles = false

    func attempt(_ payload: ByteBuffer, isWhole: Bool, on backend: some NonBlockingOperations) -> NonBlocking<Answer> {
        backend.tryClearKeys().map { Answer(.clearKeys(cleared: UInt64($0))) }
    }

    func perform(on backend: any Backend, _ stream: any CallStream) async throws(BackendError) -> Answer {
        Answer(.clearKeys(cleared: UInt64(try await backend.clearKeys())))
    }
}
