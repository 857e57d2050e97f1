internal import AgentBackend
internal import BrokerWire
internal import NIOCore

extension Exists: EntryVerb {
    static let name = "exists"
    static let isModifying = false
    static let attemptsFiles = true

    var subject: [UInt8] { path }

    func attempt(_ payload: ByteBuffer, isWhole: Bool, on backend: some NonBlockingOperations) -> NonBlocking<Answer> {
        .preparing(try WorkspacePath(path)) { path in
            switch backend.tryStat(path, followLink: true) {
            case .done: .done(Answer(.exists(true)))
            case .failed(let error) where error.isMissing: .done(Answer(.exists(false)))
            case .failed(let error): .failed(error)
            case .wouldBlock: .wouldBlock
            }
        }
    }

    func perform(on backend: any Backend, _ stream: any CallStream) async throws(BackendError) -> Answer {
        Answer(.exists(try await backend.exists(try WorkspacePath(path))))
    }
}
