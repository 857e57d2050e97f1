public import AgentBackend
internal import BrokerWire

/// What a call works on, within the org that the connection's token belongs to.
public struct BrokerTarget: Sendable, Hashable {
    public var backend: BackendType
    /// Names one pooled entry, such as a user, an agent or a project; see ``Name``. Empty, for a lease: a fresh entry of
    /// its own, destroyed with its files when the lease ends.
    public var key: String
    /// Confines the call to this directory of the workspace, made on first use.
    public var scope: WorkspacePath
    /// A lease that this connection holds, in place of the key. Nil: the broker takes one for the time of the call.
    public var lease: UInt64?

    public init(
        backend: BackendType = .localFilesystem,
        key: String,
        scope: WorkspacePath = .root,
        lease: UInt64? = nil
    ) {
        self.backend = backend
        self.key = key
        self.scope = scope
        self.lease = lease
    }

    var wire: Target {
        Target(backend: backend, key: key, scopePath: scope.bytes, lease: lease ?? 0)
    }
}
