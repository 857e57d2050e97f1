public import AgentBackend

/// The entries of a directory, sorted by name as bytes. Each iteration asks anew, a page at a time: what is made or
/// removed meanwhile may be among them or not.
public struct DirectoryEntries: AsyncSequence, Sendable {
    public typealias Element = DirectoryEntry
    public typealias Failure = BackendError

    let connection: BrokerConnection
    let path: WorkspacePath
    let withDetails: Bool
    let target: BrokerTarget
    let options: BrokerCallOptions

    public func makeAsyncIterator() -> Iterator { Iterator(directory: self) }

    public struct Iterator: AsyncIteratorProtocol {
        private let directory: DirectoryEntries
        private var page: DirectoryPage?
        private var index = 0

        init(directory: DirectoryEntries) {
            self.directory = directory
        }

        public mutating func next() async throws(BackendError) -> DirectoryEntry? {
            while true {
                if let page, index < page.entries.count {
                    index += 1
                    return page.entries[index - 1]
                }
                guard page?.isTruncated ?? true else { return nil }
                // A page that is truncated and empty would be asked for again for ever.
                if let page, page.entries.isEmpty { throw .strangeAnswer(to: "readdir") }
                page = try await directory.page(after: page?.entries.last?.name ?? [])
                index = 0
            }
        }

        public mutating func next(isolation: isolated (any Actor)?) async throws(BackendError) -> DirectoryEntry? {
            try await next()
        }
    }

    private func page(after name: [UInt8]) async throws(BackendError) -> DirectoryPage {
        try await connection.readdir(
            path,
            options: ReaddirOptions(withDetails: withDetails, after: name),
            on: target,
            call: options
        )
    }
}
