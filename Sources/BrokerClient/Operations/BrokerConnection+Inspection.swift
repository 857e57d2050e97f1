public import AgentBackend
internal import BrokerWire

/// An org's share of a broker's pool of backends.
public struct BrokerPool: Sendable, Hashable {
    public var org: String
    public var pool: BrokerStatistics.Pool
    public var calls: BrokerStatistics.Calls
    /// As in ``BrokerStatistics``.
    public var connections: UInt32
    public var callsOK: UInt64
    public var callsFailed: UInt64
    public var callsInFlight: UInt32
    public var execsRunning: UInt32
    /// What the org has in use of what it may.
    public var limits: [BrokerLimitUse]
}

/// What an org has in use of one thing, and may have. The name is that which errors give the limit.
public struct BrokerLimitUse: Sendable, Hashable {
    public var name: String
    public var used: UInt64
    public var allowed: UInt64
}

/// A connection of a broker, as it is at one moment.
public struct BrokerConnectionInfo: Sendable, Hashable {
    /// Counts up from 1 since the broker's start, and is never used again.
    public var number: UInt64
    public var org: String
    public var tokenID: String
    public var tokenName: String
    /// As the client calls itself.
    public var clientName: String
    /// Its address; "unix" of a unix socket.
    public var peer: String
    /// Since it was accepted.
    public var age: Duration
    /// Unanswered calls.
    public var callsInFlight: UInt32
    /// Those of them that wait for their turn in a lane, for an entry, or for credit of the client's.
    public var callsWaiting: UInt32
    /// Frames and all; those that wait to be sent included.
    public var bytesIn: UInt64
    public var bytesOut: UInt64
}

/// What a reload of a broker's configuration came to.
public struct BrokerReload: Sendable, Hashable {
    /// What is different now, for people.
    public var changes: [String]
    /// Connections that ended, because their token was removed.
    public var connectionsEnded: UInt32
}

extension BrokerConnection {
    /// Counters of an org; nil: that of the token, or, for an operator's, of all orgs together. Throws
    /// `PERMISSION_DENIED` for another org than the token's own.
    public func stats(
        of org: String? = nil,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> BrokerStatistics {
        try await perform(.stats(of: org ?? ""), on: nil, call: options)
    }

    /// The pool by org, sorted by name as bytes: that of the token, or, for an operator's, all. A page at a time as they
    /// are asked for.
    public func pools(call options: BrokerCallOptions = BrokerCallOptions()) -> BrokerPages<BrokerPool> {
        BrokerPages(operation: "pools") { [self] last throws(BackendError) in
            let page = try await perform(.pools(after: last?.org ?? ""), on: nil, call: options)
            return PageCursor.Page(
                elements: page.pools.map(BrokerPool.init),
                isTruncated: page.isTruncated
            )
        }
    }

    /// The connections that have said hello, in the order in which they came: those of an org; nil: of the token's, or,
    /// for an operator's, of all. A page at a time as they are asked for. Throws as ``stats(of:call:)``.
    public func connections(
        of org: String? = nil,
        call options: BrokerCallOptions = BrokerCallOptions()
    ) -> BrokerPages<BrokerConnectionInfo> {
        BrokerPages(operation: "connections") { [self] last throws(BackendError) in
            let call = UnaryCall.connections(of: org ?? "", after: last?.number ?? 0)
            let page = try await perform(call, on: nil, call: options)
            return PageCursor.Page(
                elements: page.connections.map(BrokerConnectionInfo.init),
                isTruncated: page.isTruncated
            )
        }
    }

    /// Has the broker read its configuration file again: it takes effect as a whole, or `INVALID_CONFIGURATION` says
    /// what is wrong in which line. Throws `PERMISSION_DENIED` for a token that is no operator's.
    public func reload(
        call options: BrokerCallOptions = BrokerCallOptions()
    ) async throws(BackendError) -> BrokerReload {
        try await perform(.reload, on: nil, call: options)
    }
}

/// What a broker lists a page at a time. Each iteration asks anew: what comes or goes meanwhile may be among it or not.
public struct BrokerPages<Element: Sendable>: AsyncSequence, Sendable {
    public typealias Failure = BackendError

    let operation: String
    let pageAfter: @Sendable (Element?) async throws(BackendError) -> PageCursor<Element>.Page

    public func makeAsyncIterator() -> Iterator {
        Iterator(cursor: PageCursor(operation, pageAfter: pageAfter))
    }

    public struct Iterator: AsyncIteratorProtocol {
        var cursor: PageCursor<Element>

        public mutating func next() async throws(BackendError) -> Element? { try await cursor.next() }

        public mutating func next(isolation: isolated (any Actor)?) async throws(BackendError) -> Element? {
            try await cursor.next()
        }
    }
}

extension BrokerPool {
    fileprivate init(_ share: OrgPool) {
        self.init(
            org: share.org,
            pool: BrokerStatistics.Pool(share.pool),
            calls: BrokerStatistics.Calls(share.calls),
            connections: share.connections,
            callsOK: share.callsOK,
            callsFailed: share.callsFailed,
            callsInFlight: share.callsInFlight,
            execsRunning: share.execsRunning,
            limits: share.limits.map(BrokerLimitUse.init)
        )
    }
}

extension BrokerConnectionInfo {
    fileprivate init(_ connection: ConnectionDescription) {
        self.init(
            number: connection.number,
            org: connection.org,
            tokenID: connection.tokenID,
            tokenName: connection.tokenName,
            clientName: connection.clientName,
            peer: connection.peer,
            age: connection.age,
            callsInFlight: connection.callsInFlight,
            callsWaiting: connection.callsWaiting,
            bytesIn: connection.bytesIn,
            bytesOut: connection.bytesOut
        )
    }
}

extension BrokerLimitUse {
    init(_ limit: LimitUse) {
        self.init(name: limit.name, used: limit.used, allowed: limit.allowed)
    }
}
