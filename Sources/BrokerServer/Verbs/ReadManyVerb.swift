internal import AgentBackend
internal import BrokerWire
internal import NIOCore

extension ReadMany: EntryVerb {
    static let name = "read_many"
    static let isModifying = false
    static let attemptsFiles = false

    var subject: [UInt8] { paths.listedPaths }

    func attempt(_ payload: ByteBuffer, isWhole: Bool, on backend: some NonBlockingOperations) -> NonBlocking<Answer> {
        .wouldBlock
    }

    func perform(on backend: any Backend, _ stream: any CallStream) async throws(BackendError) -> Answer {
        let paths = try GivenPaths(paths)
        let contents = try await backend.readMany(paths.valid, options: options)
        return Answer(.readMany(ManyFileContents(paths.merging(contents))))
    }
}
