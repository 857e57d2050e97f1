public import AgentBackend

/// Is told what a pool does, for logs and metrics.
///
/// Called from the pool's tasks, never under its lock and never for a hit. A method that takes its time delays
/// the creation or destruction that it is told of, nothing else.
public protocol PoolObserver: Sendable {
    func poolCreatedEntry(_ key: PoolKey, after duration: Duration)
    func poolFailedToCreateEntry(_ key: PoolKey, _ error: BackendError, after duration: Duration)
    /// `revokedLeases`: leases that were still held; whoever serves their holders should end those calls.
    func poolWillDestroyEntry(_ key: PoolKey, _ reason: DestructionReason, revokedLeases: Int)
    func poolDestroyedEntry(_ key: PoolKey, _ reason: DestructionReason, after duration: Duration)
    /// A lease was let go of without a release, and was taken back. Called by whoever let go of it.
    func poolTookBackLease(_ key: PoolKey)
}

extension PoolObserver {
    public func poolCreatedEntry(_ key: PoolKey, after duration: Duration) {}
    public func poolFailedToCreateEntry(_ key: PoolKey, _ error: BackendError, after duration: Duration) {}
    public func poolWillDestroyEntry(_ key: PoolKey, _ reason: DestructionReason, revokedLeases: Int) {}
    public func poolDestroyedEntry(_ key: PoolKey, _ reason: DestructionReason, after duration: Duration) {}
    public func poolTookBackLease(_ key: PoolKey) {}
}
