internal import AgentBackend
internal import BrokerWire
internal import NIOCore

extension Stat: EntryVerb {
    static let name = "stat"
    static let isModifying = false
    static let attemptsFiles = true

    var subject: [UInt8] { path }

    func attempt(_ payload: ByteBuffer, isWhole: Bool, on backend: some NonBlockingOperations) -> NonBlocking<Answer> {
        .preparing(try WorkspacePath(path)) { path in
            backend.tryStat(path, followLink: followLink).map { Answer(.stat($0)) }
        }
    }

    func perform(on backend: any Backend, _ stream: any CallStream) async throws(BackendError) -> Answer {
        Answer(.stat(try await backend.stat(try WorkspacePath(path), followLink: followLink)))
    }
}
