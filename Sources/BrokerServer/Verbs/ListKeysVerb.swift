internal import AgentBackend
internal import BrokerWire
internal import NIOCore

extension ListKeys: EntryVerb {
    static let name = "list_keys"
    static let isModifying = false
    static let attemptsFiles = false

    var subject: [UInt8] { prefix }

    func attempt(_ payload: ByteBuffer, isWhole: Bool, on backend: some NonBlockingOperations) -> NonBlocking<Answer> {
        backend.tryListKeys(prefix: prefix, options: options).map { Answer(.listKeys(Self.fitting($0))) }
    }

    func perform(on backend: any Backend, _ stream: any CallStream) async throws(BackendError) -> Answer {
        Answer(.listKeys(Self.fitting(try await backend.listKeys(prefix: prefix, options: options))))
    }

    /// Bytes of keys in one answer: they stay well within a frame's head.
    private static let maximumBytes = 512 << 10

    /// As many of the keys as fit into one answer: they may be long.
    private static func fitting(_ page: KeyPage) -> KeyPage {
        var bytes = 0
        let count = page.keys.prefix { key in
            bytes += key.bytes.count
            return bytes <= maximumBytes
        }.count
        guard count < page.keys.count else { return page }
        return KeyPage(keys: Array(page.keys.prefix(count)), isTruncated: true)
    }
}
