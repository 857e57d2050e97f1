internal import AgentBackend
internal import BrokerWire
internal import NIOCore

extension MeasureUsage: EntryVerb {
    static let name = "disk_usage"
    static let isModifying = false
    static let attemptsFiles = false

    var subject: [UInt8] { path }

    func attempt(_ payload: ByteBuffer, isWhole: Bool, on backend: some NonBlockingOperations) -> NonBlocking<Answer> {
        .wouldBlock
    }

    func perform(on backend: any Backend, _ stream: any CallStream) async throws(BackendError) -> Answer {
        Answer(.diskUsage(try await backend.diskUsage(try WorkspacePath(path), options: try parsed())))
    }
}
