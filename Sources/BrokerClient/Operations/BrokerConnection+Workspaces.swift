public import AgentBackend
internal import BrokerWire

/// The files of a key, which outlive its entries.
public struct BrokerWorkspace: Sendable, Hashable {
    public var key: String
    /// The key has an entry in the broker's pool now.
    public var isLive: Bool
    /// When it was last used, as far as the broker remembers: nanoseconds since 1970-01-01 UTC.
    public var usedNanoseconds: Int64
}

extension BrokerConnection {
    /// The workspaces of the keys that the token allows, sorted by key as bytes, a page at a time as they are asked for.
    public func workspaces(call options: BrokerCallOptions = BrokerCallOptions()) -> BrokerWorkspaces {
        BrokerWorkspaces(connection: self, options: options)
    }

    /// Removes the workspace of a key with all of its files; the key's entry is destroyed first. False: there was none.
    ///
    /// Throws `CONFLICT` while leases of the entry are out, calls under way included. With `force` it is removed all
    /// the same: those calls fail with `BACKEND_DESTROYED`.
    @discardableResult
    public func deleteWorkspace(
        key: String,
        force: Bool = false,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> Bool {
        try await perform(.deleteWorkspace(key, force: force), on: nil, call: options)
    }

    fileprivate func workspaces(
        after key: String,
        call options: BrokerCallOptions
    ) async throws(BackendError) -> WorkspacePage {
        try await perform(.listWorkspaces(after: key), on: nil, call: options)
    }
}

/// Workspaces of an org, sorted by key as bytes. Each iteration asks anew: what is made or removed meanwhile may be
/// among them or not.
public struct BrokerWorkspaces: AsyncSequence, Sendable {
    public typealias Element = BrokerWorkspace
    public typealias Failure = BackendError

    let connection: BrokerConnection
    let options: BrokerCallOptions

    public func makeAsyncIterator() -> Iterator {
        Iterator(
            cursor: PageCursor("list_workspaces") { last throws(BackendError) in
                let page = try await connection.workspaces(after: last?.key ?? "", call: options)
                return PageCursor.Page(
                    elements: page.workspaces.map {
                        BrokerWorkspace(key: $0.key, isLive: $0.isLive, usedNanoseconds: $0.usedNanoseconds)
                    },
                    isTruncated: page.isTruncated
                )
            }
        )
    }

    public struct Iterator: AsyncIteratorProtocol {
        var cursor: PageCursor<BrokerWorkspace>

        public mutating func next() async throws(BackendError) -> BrokerWorkspace? { try await cursor.next() }

        public mutating func next(isolation: isolated (any Actor)?) async throws(BackendError) -> BrokerWorkspace? {
            try await cursor.next()
        }
    }
}
