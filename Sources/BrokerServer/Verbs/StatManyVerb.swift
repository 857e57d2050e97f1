internal import AgentBackend
internal import BrokerWire
internal import NIOCore

extension StatMany: EntryVerb {
    static let name = "stat_many"
    static let isModifying = false
    static let attemptsFiles = false

    var subject: [UInt8] { paths.listedPaths }

    func attempt(_ payload: ByteBuffer, isWhole: Bool, on backend: some NonBlockingOperations) -> NonBlocking<Answer> {
        .wouldBlock
    }

    func perform(on backend: any Backend, _ stream: any CallStream) async throws(BackendError) -> Answer {
        let paths = try GivenPaths(paths)
        let infos = try await backend.statMany(paths.valid, followLink: followLink)
        return Answer(.statMany(ManyFileInfos(paths.merging(infos))))
    }
}
