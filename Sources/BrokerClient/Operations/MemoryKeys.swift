public import AgentBackend

/// Keys of a memory backend, in the order of their names: "a/x" before "a.txt". Each iteration asks anew, a page at a
/// time: what is added or removed meanwhile may be among them or not.
public struct MemoryKeys: AsyncSequence, Sendable {
    public typealias Element = WorkspacePath
    public typealias Failure = BackendError

    let connection: BrokerConnection
    let prefix: [UInt8]
    let target: BrokerTarget
    let options: BrokerCallOptions

    public func makeAsyncIterator() -> Iterator {
        Iterator(
            cursor: PageCursor("list_keys") { last throws(BackendError) in
                let page = try await connection.listKeys(
                    prefix: prefix,
                    options: ListKeysOptions(after: last?.bytes ?? []),
                    on: target,
                    call: options
                )
                return PageCursor.Page(elements: page.keys, isTruncated: page.isTruncated)
            }
        )
    }

    public struct Iterator: AsyncIteratorProtocol {
        var cursor: PageCursor<WorkspacePath>

        public mutating func next() async throws(BackendError) -> WorkspacePath? { try await cursor.next() }

        public mutating func next(isolation: isolated (any Actor)?) async throws(BackendError) -> WorkspacePath? {
            try await cursor.next()
        }
    }
}
