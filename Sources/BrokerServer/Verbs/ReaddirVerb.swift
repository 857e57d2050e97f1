internal import AgentBackend
internal import BrokerWire
internal import NIOCore

extension Readdir: EntryVerb {
    static let name = "readdir"
    static let isModifying = false
    static let attemptsFiles = false

    var subject: [UInt8] { path }

    /// Most names in one answer: with the longest names they stay well within a frame's head.
    private static let maximumNames = 1000

    func attempt(_ payload: ByteBuffer, isWhole: Bool, on backend: some NonBlockingOperations) -> NonBlocking<Answer> {
        .preparing(try WorkspacePath(path)) { path in
            backend.tryReaddir(path, options: bounded).map { Answer(.readdir($0)) }
        }
    }

    func perform(on backend: any Backend, _ stream: any CallStream) async throws(BackendError) -> Answer {
        Answer(.readdir(try await backend.readdir(try WorkspacePath(path), options: bounded)))
    }

    private var bounded: ReaddirOptions {
        var bounded = options
        bounded.limit = options.limit > 0 ? min(options.limit, Self.maximumNames) : Self.maximumNames
        return bounded
    }
}
