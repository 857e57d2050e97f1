public import AgentBackend
internal import BrokerWire

/// What an entry of the broker's pool is.
public struct EntryDescription: Sendable, Hashable {
    public var backend: BackendType
    public var key: String
    /// There is a live entry. The rest says nothing where there is none.
    public var isLive: Bool
    /// Leases held, that of the asking call not counted.
    public var leases: Int
    /// Since the last lease ended; zero while one is held.
    public var idle: Duration
    /// How commands are isolated: "none", "software", "landlock" or "bwrap". Empty: it runs none.
    public var isolation: String
    /// The caller's root: "/workspace".
    public var root: String
    /// Names of the variables that every command gets, not their values.
    public var environmentNames: [[UInt8]]
    public var logMode: OperationsLogMode?
    /// Scopes that calls used and the entry still has at hand, sorted as bytes.
    public var scopes: [WorkspacePath]
}

extension EntryDescription {
    /// Throws for scopes that are no paths.
    init(_ reply: DescribeReply) throws(BackendError) {
        var scopes: [WorkspacePath] = []
        for scope in reply.scopes { scopes.append(try WorkspacePath(scope)) }
        self.init(
            backend: reply.backend,
            key: reply.key,
            isLive: reply.isLive,
            leases: Int(reply.leases),
            idle: reply.idle,
            isolation: reply.isolation,
            root: reply.root,
            environmentNames: reply.environmentNames,
            logMode: reply.logMode,
            scopes: scopes
        )
    }
}
