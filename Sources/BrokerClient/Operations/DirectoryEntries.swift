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

    public func makeAsyncIterator() -> Iterator {
        Iterator(
            cursor: PageCursor("readdir") { last throws(BackendError) in
                let page = try await connection.readdir(
                    path,
                    options: ReaddirOptions(withDetails: withDetails, after: last?.name ?? []),
                    on: target,
                    call: options
                )
                return PageCursor.Page(elements: page.entries, isTruncated: page.isTruncated)
            }
        )
    }

    public struct Iterator: AsyncIteratorProtocol {
        var cursor: PageCursor<DirectoryEntry>

        public mutating func next() async throws(BackendError) -> DirectoryEntry? { try await cursor.next() }

        public mutating func next(isolation: isolated (any Actor)?) async throws(BackendError) -> DirectoryEntry? {
            try await cursor.next()
        }
    }
}
